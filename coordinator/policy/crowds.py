"""Nodes with more peers than a network allows."""

from __future__ import annotations

from dataclasses import dataclass

from mesh.compile import CompiledPolicy
from mesh.compile.classes import Shape


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many nodes have more peers than the limit, the largest number of peers that one has, and which one that is.

    ``nodes`` is 0 and ``most`` is not worked out where no node has more.
    """

    nodes: int = 0
    most: int = 0
    node_id: int | None = None


def find_crowd(compiled: CompiledPolicy, limit: int) -> Crowd:
    """The nodes with more than ``limit`` peers. Costs nothing in a network that has no more nodes than that."""
    if len(compiled.world.nodes) <= limit + 1:
        return Crowd()
    sizes: dict[int, int] = {}
    nodes, most, crowded = 0, 0, None
    for node in compiled.world.nodes.values():
        peers = _peers(compiled, node.id, compiled.shape(node.id), sizes, limit)
        if peers > limit:
            nodes += 1
            if peers > most:
                most, crowded = peers, node.id
    return Crowd(nodes, most, crowded)


def _peers(compiled: CompiledPolicy, node_id: int, shape: Shape, sizes: dict[int, int], limit: int) -> int:
    """How many peers a node has: exactly, unless that is far from ``limit`` either way."""
    row = compiled.row(shape)
    size = sizes.get(row)
    if size is None:
        size = sizes[row] = len(compiled.nodes_in(row))
    owner = compiled.owner_of(node_id)
    devices = 1 if owner is None else len(compiled.world.of(owner))
    if abs(size - limit) > devices:
        return size - bool(row & shape.mask)
    return len(compiled.peer_ids(node_id))
