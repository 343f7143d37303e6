"""Agents of one class together: what they are told differs by themselves and by their owners' devices alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from mesh.compile.classes import Shape
from mesh.compile.ids import IdSet
from mesh.netmap.blocks import Block
from mesh.netmap.chunks import parts_of
from mesh.netmap.compare import Comparison
from mesh.netmap.delta import (
    PeerDelta,
    body_of,
    filter_members,
    network_members,
    peer_delta,
    peer_members,
    profiles_of,
    rotates_otherwise,
)
from mesh.netmap.ids import id_set
from mesh.netmap.parts import encode, join_object
from mesh.topology import NodeRecord


@dataclass(slots=True)
class Piece:
    """What all agents of some classes are told, their filters aside. ``members`` are those that name no peers that come
    or go; ``listeners`` are agents that get just this."""

    added: IdSet
    blocks: list[Block]
    removed: IdSet
    changed: frozenset[int]
    members: dict[str, bytes]
    whole: dict[str, bytes] | None = None
    listeners: list[int] = field(default_factory=list)

    def names(self, node_id: int) -> bool:
        """Whether it is about this node."""
        return node_id in self.added or node_id in self.removed or node_id in self.changed

    def without(self, node_ids: set[int]) -> dict[str, bytes]:
        """The members of a delta for an agent that sees no change of ``node_ids``."""
        if not node_ids and self.whole is not None:
            return self.whole
        members = dict(self.members)
        pieces = [block.without(node_ids) if node_ids else block.plain for block in self.blocks]
        if added := b",".join(filter(None, pieces)):
            members["peers_added"] = b"[" + added + b"]"
        removed = self.removed
        if removed and node_ids:
            removed = removed - type(removed)(node_ids)
        if removed:
            members["peers_removed"] = encode(removed.to_array().tolist())
        if not node_ids:
            self.whole = members
        return members


class _Turned(NamedTuple):
    """The nodes of classes that came into sight and went out of it; apart, of those, the ones with other classes."""

    added: IdSet
    removed: IdSet
    added_singles: list[int]
    removed_singles: list[int]
    blocks: list[Block]


class Audiences:
    """Builds the bodies of many agents, each distinct one once."""

    __slots__ = (
        "_bodies", "_by_delta", "_by_shape", "_comparison", "_each", "_network", "_nothing", "_same_shapes", "_turned",
    )  # fmt: skip

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        old, new = comparison.before.policy, comparison.after.policy
        self._same_shapes = comparison.same_members and old.world is new.world
        self._network = network_members(comparison.before, comparison.after)
        self._each = rotates_otherwise(comparison.before, comparison.after)
        self._by_shape: dict[tuple[tuple[int, ...], tuple[int, ...]], Piece] = {}
        self._by_delta: dict[object, Piece] = {}
        none = id_set(comparison.after)
        self._nothing = Piece(none, [], none, frozenset(), {})
        self._turned: dict[tuple[int, int], _Turned] = {}
        self._bodies: dict[bytes, list[int]] = {}

    def tell(self, node_ids: Iterable[int]) -> None:
        """Adds agents; those that take no part in one of the states are passed over."""
        before, after = self._comparison.before.topology, self._comparison.after.topology
        same = before.nodes is after.nodes and before.users is after.users
        for node_id in node_ids:
            node = after.present(node_id)
            if node is not None and (same or before.present(node_id) is not None):
                self._tell(node_id, node)

    def bodies(self) -> dict[bytes, list[int]]:
        """All bodies, with the agents that each is for."""
        for piece in {id(piece): piece for piece in self._by_shape.values()}.values():
            if piece.listeners and (members := piece.without(set()) | self._network):
                self._bodies.setdefault(join_object(members), []).extend(piece.listeners)
            piece.listeners = []
        return self._bodies

    def _tell(self, node_id: int, node: NodeRecord) -> None:
        comparison = self._comparison
        before, after = comparison.before, comparison.after
        was = before.policy.shape(node_id)
        now = was if self._same_shapes else after.policy.shape(node_id)
        spared: set[int] | None = None
        if (
            not self._each
            and node_id not in comparison.touch.nodes
            and (node.user is None or node.user not in comparison.touch.users)
        ):
            piece = self._piece(was, now)
            spared = self._spared(node_id, was, piece)
        if spared is None:
            body = body_of(comparison, node_id)
            if body is not None:
                self._bodies.setdefault(body, []).append(node_id)
            return
        own: dict[str, bytes] = {}
        if comparison.filtered is None or comparison.filtered & (was.mask | now.mask):
            own = filter_members(before, after, node_id)
        if not own and not spared:
            piece.listeners.append(node_id)
        elif members := piece.without(spared) | own | self._network:
            self._bodies.setdefault(join_object(members), []).append(node_id)

    def _spared(self, node_id: int, shape: Shape, piece: Piece) -> set[int] | None:
        """The nodes that a node sees no change of, although others of its class do: itself, and devices of its owner's
        that it sees as before. None where more than that is its own."""
        comparison = self._comparison
        old, new = comparison.before.policy, comparison.after.policy
        spared = {node_id} if piece.names(node_id) else set()
        has_own = bool(new.sides.self_lines)
        # One that is itself named as changed is a router, of whose routes its peers reach others than before.
        if has_own != bool(old.sides.self_lines) or node_id in piece.changed:
            return None
        owner = new.owner_of(node_id)
        if owner is None or not has_own:
            return spared
        devices = new.world.of(owner)
        every = devices if old.world is new.world else {*devices, *old.world.of(owner)}
        steady = comparison.same_members and not any(
            one is not other and one != other
            for one, other in ((old.reach.same[number], new.reach.same[number]) for number in shape.own)
        )
        for device in every:
            if device == node_id:
                continue
            if device in comparison.touch.nodes or device in piece.changed:
                return None
            if old is new:
                continue
            if not steady or shape.routes or device in new.world.routers:
                sees = new.sees(node_id, device)
                if old.sees(node_id, device) != sees:
                    if device not in (piece.added if sees else piece.removed):
                        return None
                    continue
            if device in piece.added or device in piece.removed:
                if device in new.world.routers:
                    return None  # seen as before, and yet of its routes others may be reached
                spared.add(device)
        return spared

    def _piece(self, was: Shape, now: Shape) -> Piece:
        key = (was.all, now.all)
        found = self._by_shape.get(key)
        if found is None:
            comparison = self._comparison
            old, new = comparison.before.policy, comparison.after.policy
            touch = comparison.touch
            if self._same_shapes and not (touch.nodes or touch.users):
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
        after = self._comparison.after
        users = set(peers.users)
        blocks = self._block(list(peers.added), row)
        for block in blocks:
            users |= block.users
        rest = PeerDelta(changed=peers.changed, presence=peers.presence, users=tuple(users))
        return Piece(
            id_set(after, peers.added),
            blocks,
            id_set(after, peers.removed),
            frozenset(ident for ident, _ in peers.changed),
            peer_members(after, rest, row) if rest else {},
        )

    def _block(self, node_ids: list[int], row: int) -> list[Block]:
        """A block of just these nodes, as those see them who see the classes of ``row``."""
        after = self._comparison.after
        parts = [
            (ident, after.blocks.router(after, ident, row, part) if part.routes else part)
            for ident, part in parts_of(after.chunks, node_ids)
        ]
        return [Block(parts)] if parts else []

    def _piece_by_rows(self, old_row: int, new_row: int) -> Piece:
        """The piece where no node changed its class, only classes what they see: all who gain and lose the same classes
        are told the same."""
        comparison = self._comparison
        after = comparison.after
        shape_of = after.policy.shape
        if old_row == new_row:
            return self._nothing
        gained, lost = new_row & ~old_row, old_row & ~new_row
        turned = self._turned.get((gained, lost))
        if turned is None:
            turned = self._turned[gained, lost] = self._turn(gained, lost)
        seen_before = [ident for ident in turned.added_singles if shape_of(ident).mask & old_row]
        seen_still = [ident for ident in turned.removed_singles if shape_of(ident).mask & new_row]
        changed: list[tuple[int, bytes]] = []
        routers = after.policy.world.routers
        for router, mask, former in comparison.routers_between(old_row, new_row):
            if former & old_row and mask & new_row:
                encoded, _ = comparison.changed_peer(router, old_row, new_row)
                if encoded is not None:
                    changed.append((router, encoded))
        shows_router = any(ident in routers for ident in turned.added_singles)
        key = (gained, lost, *seen_before, 0, *seen_still, 0, *changed, new_row if shows_router else 0)
        found = self._by_delta.get(key)
        if found is None:
            added = turned.added - id_set(after, seen_before)
            removed = turned.removed - id_set(after, seen_still)
            singles = [ident for ident in turned.added_singles if ident not in seen_before]
            found = self._made(PeerDelta(tuple(singles), (), tuple(changed)), new_row)
            found.added, found.removed = added, removed
            found.blocks = found.blocks + turned.blocks
            users = frozenset[int]().union(*[block.users for block in found.blocks])
            found.members |= profiles_of(after, users)
            self._by_delta[key] = found
        return found

    def _turn(self, gained: int, lost: int) -> _Turned:
        after = self._comparison.after
        singles = after.blocks.singles(after).ids
        added, removed = after.policy.nodes_in(gained), after.policy.nodes_in(lost)
        blocks = after.blocks.of_classes(after, gained) if gained else []
        return _Turned(added, removed, list(added & singles), list(removed & singles), blocks)
