"""Agents of one class together: what they are told differs by themselves and by their owners' devices alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from mesh.compile.classes import Shape
from mesh.compile.ids import IdSet
from mesh.netmap.compare import Comparison
from mesh.netmap.delta import PeerDelta, body_of, filter_members, network_members, peer_delta, peer_members
from mesh.netmap.ids import id_set
from mesh.netmap.parts import join_object
from mesh.topology import NodeRecord


@dataclass(slots=True)
class Piece:
    """What all agents of some classes are told, their filters aside. ``named`` are the peers that it is about."""

    named: IdSet
    members: dict[str, bytes]
    listeners: list[int] = field(default_factory=list)


class _Turned(NamedTuple):
    """The nodes of classes that came into sight and went out of it; apart, of those, the ones with other classes."""

    added: IdSet
    removed: IdSet
    added_singles: list[int]
    removed_singles: list[int]


class Audiences:
    """Builds the bodies of many agents, each distinct one once."""

    __slots__ = ("_bodies", "_by_delta", "_by_shape", "_comparison", "_network", "_turned")

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._network = network_members(comparison.before, comparison.after)
        self._by_shape: dict[tuple[tuple[int, ...], tuple[int, ...]], Piece] = {}
        self._by_delta: dict[object, Piece] = {}
        self._turned: dict[tuple[int, int], _Turned] = {}
        self._bodies: dict[bytes, list[int]] = {}

    def tell(self, node_ids: Iterable[int]) -> None:
        """Adds agents; those that take no part in one of the states are passed over."""
        before, after = self._comparison.before.topology, self._comparison.after.topology
        for node_id in node_ids:
            if before.present(node_id) is None or (node := after.present(node_id)) is None:
                continue
            self._tell(node_id, node)

    def bodies(self) -> dict[bytes, list[int]]:
        """All bodies, with the agents that each is for."""
        for piece in {id(piece): piece for piece in self._by_shape.values()}.values():
            if piece.listeners and (piece.members or self._network):
                body = join_object(piece.members | self._network)
                self._bodies.setdefault(body, []).extend(piece.listeners)
            piece.listeners = []
        return self._bodies

    def _tell(self, node_id: int, node: NodeRecord) -> None:
        comparison = self._comparison
        before, after = comparison.before, comparison.after
        was, now = before.policy.shape(node_id), after.policy.shape(node_id)
        piece = self._piece(was, now)
        if self._stands_out(node_id, node, was, piece):
            body = body_of(comparison, node_id)
            if body is not None:
                self._bodies.setdefault(body, []).append(node_id)
            return
        own: dict[str, bytes] = {}
        if comparison.filtered is None or comparison.filtered & (was.mask | now.mask):
            own = filter_members(before, after, node_id)
        if own:
            self._bodies.setdefault(join_object(piece.members | own | self._network), []).append(node_id)
        else:
            piece.listeners.append(node_id)

    def _stands_out(self, node_id: int, node: NodeRecord, shape: Shape, piece: Piece) -> bool:
        """Whether a node is told otherwise than others of its class: because something happened to itself, to a device
        of its owner's, or to whether those see each other."""
        comparison = self._comparison
        if node_id in comparison.touch.nodes or node_id in piece.named:
            return True
        if node.user is not None and node.user in comparison.touch.users:
            return True
        old, new = comparison.before.policy, comparison.after.policy
        has_own = bool(new.sides.self_lines)
        if has_own != bool(old.sides.self_lines):
            return True
        owner = new.owner_of(node_id)
        if owner is None or not has_own:
            return False
        devices = new.world.of(owner)
        every = devices if old.world is new.world else [*devices, *old.world.of(owner)]
        touched, named = comparison.touch.nodes, piece.named
        if any(device != node_id and (device in touched or device in named) for device in every):
            return True
        if old is new:
            return False
        if comparison.same_members and new.world.routers.isdisjoint(devices):
            return any(old.reach.same[number] != new.reach.same[number] for number in shape.own)
        return any(old.sees(node_id, device) != new.sees(node_id, device) for device in devices)

    def _piece(self, was: Shape, now: Shape) -> Piece:
        key = (was.all, now.all)
        found = self._by_shape.get(key)
        if found is None:
            comparison = self._comparison
            old, new = comparison.before.policy, comparison.after.policy
            if comparison.same_members and old.world is new.world and not (comparison.touch.nodes or comparison.touch.users):
                found = self._piece_by_rows(old.row(was), new.row(now))
            else:
                seen = [
                    (id_set(comparison.after, policy.class_peers(shape)), policy.row(shape))
                    for policy, shape in ((old, was), (new, now))
                ]
                found = self._made(peer_delta(comparison, *seen), seen[1][1])
            self._by_shape[key] = found
        return found

    def _made(self, peers: PeerDelta, row: int) -> Piece:
        named = id_set(self._comparison.after, [*peers.added, *peers.removed, *[ident for ident, _ in peers.changed]])
        return Piece(named, peer_members(self._comparison.after, peers, row) if peers else {})

    def _piece_by_rows(self, old_row: int, new_row: int) -> Piece:
        """The piece where no node changed its class, only classes what they see: all who gain and lose the same classes
        are told the same."""
        comparison = self._comparison
        shape_of = comparison.after.policy.shape
        gained, lost = new_row & ~old_row, old_row & ~new_row
        turned = self._turned.get((gained, lost))
        if turned is None:
            turned = self._turned[gained, lost] = self._turn(gained, lost)
        seen_before = [ident for ident in turned.added_singles if shape_of(ident).mask & old_row]
        seen_still = [ident for ident in turned.removed_singles if shape_of(ident).mask & new_row]
        changed: list[tuple[int, bytes]] = []
        routers = comparison.after.policy.world.routers
        for router in comparison.routers_between(old_row, new_row):
            mask = shape_of(router).mask
            if mask & old_row and mask & new_row:
                encoded, _ = comparison.changed_peer(router, old_row, new_row)
                if encoded is not None:
                    changed.append((router, encoded))
        shows_router = any(ident in routers for ident in turned.added_singles)
        key = (gained, lost, *seen_before, 0, *seen_still, 0, *changed, new_row if shows_router else 0)
        found = self._by_delta.get(key)
        if found is None:
            added = turned.added - id_set(comparison.after, seen_before)
            removed = turned.removed - id_set(comparison.after, seen_still)
            peers = PeerDelta(tuple(added), tuple(removed), tuple(changed))
            found = self._by_delta[key] = self._made(peers, new_row)
        return found

    def _turn(self, gained: int, lost: int) -> _Turned:
        policy = self._comparison.after.policy
        singles = self._comparison.after.blocks.singles(self._comparison.after).ids
        added, removed = policy.nodes_in(gained), policy.nodes_in(lost)
        return _Turned(added, removed, list(added & singles), list(removed & singles))
