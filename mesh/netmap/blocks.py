"""Peers joined ready to send. Nodes that no rule tells apart are seen by the same viewers: they make up the blocks.

A map is then a join of the blocks of the classes that its node sees. A change makes anew only the blocks with a node
that it touched, and those when a map next needs them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from mesh.compile.bits import members
from mesh.compile.ids import IdSet
from mesh.compile.table import Table
from mesh.netmap.chunks import CHUNK_BITS, Chunk, pack, parts_of
from mesh.netmap.parts import PeerPart, reach_piece
from mesh.netmap.routes import reached_by

if TYPE_CHECKING:
    from mesh.compile.classes import Shape
    from mesh.netmap.state import State
    from mesh.topology import UserRecord

BLOCK_PEERS: Final = 256
"""About how many peers a block has, where a class has that many: enough to compress well, few to join anew."""
READY_BYTES: Final = 16 * 1024
"""Blocks below this are compressed together for each map: a frame of a few peers is hardly smaller than they are."""
MANY_TOUCHED: Final = 256
"""From here on all blocks are looked at again, rather than those of the nodes that changed."""

Key = int | tuple[int, ...]
"""The class of nodes that have no other; the classes of nodes that some rule tells from others."""
Stamps = Table[Key, object]


@dataclass(frozen=True, slots=True)
class Marks:
    """When nodes were last touched: one mark for all, and newer ones by the classes of those touched since."""

    all: object = field(default_factory=object)
    by_key: Stamps = field(default_factory=lambda: Table({}))

    def touched(self, classes: Iterable[tuple[int, ...]]) -> Marks:
        """The marks after nodes with these classes changed."""
        now = object()
        keys: set[Key] = set(classes)
        keys.update(every[0] for every in classes if len(every) == 1)
        return Marks(self.all, self.by_key.updated(dict.fromkeys(keys, now)))


class Block:
    """Peers joined with commas. ``ends`` says where each ends, ``users`` who owns them."""

    __slots__ = ("_ends", "_packed", "_profiles", "_profiles_of", "ids", "plain", "users")

    def __init__(self, peers: list[tuple[int, PeerPart]]) -> None:
        wholes = [part.whole for _, part in peers]
        self.plain = b",".join(wholes)
        self.ids = [node_id for node_id, _ in peers]
        self.users = frozenset([part.user for _, part in peers if part.user is not None])
        self._ends = array("I")
        end = -1
        for whole in wholes:
            end += len(whole) + 1
            self._ends.append(end)
        self._packed: bytes | None = None
        self._profiles = b""
        self._profiles_of: Table[int, UserRecord] | None = None

    @property
    def packed(self) -> bytes:
        """A comma and the peers, as a zstd frame. Compressed when it is first asked for."""
        packed = self._packed
        if packed is None:
            packed = self._packed = pack(b"," + self.plain)
        return packed

    def profiles(self, state: State) -> bytes:
        """The profiles of the peers' owners, joined."""
        users = state.topology.users
        if self._profiles_of is not users:
            known = [user for user_id in sorted(self.users) if (user := users.get(user_id)) is not None]
            self._profiles = b",".join([state.shared.profile(user) for user in known])
            self._profiles_of = users
        return self._profiles

    def without(self, node_ids: Iterable[int]) -> bytes:
        """The peers joined without some of them; empty where none is left."""
        kept: list[bytes] = []
        start = 0
        for node_id in sorted(node_ids):
            place = bisect_left(self.ids, node_id)
            if place == len(self.ids) or self.ids[place] != node_id:
                continue
            before = 0 if place == 0 else self._ends[place - 1] + 1
            if before > start:
                kept.append(self.plain[start : before - 1])
            start = self._ends[place] + 1
        if start < len(self.plain):
            kept.append(self.plain[start:])
        return b",".join(kept)


@dataclass(slots=True)
class Entry:
    """The blocks of the nodes of one class, and what they were made from."""

    members: IdSet
    singles: Singles
    stamp: object
    all: object
    shift: int
    blocks: dict[int, Block] = field(default_factory=dict)
    chunks: dict[int, tuple[Chunk | None, ...]] = field(default_factory=dict)


class Singles:
    """Nodes that some rule tells from others: routers, whose routes each viewer sees in its own way, and all others by
    the classes that they have."""

    __slots__ = ("groups", "ids", "routers", "source")

    def __init__(self, state: State) -> None:
        policy = state.policy
        kind = policy.world.id_set
        self.source = policy.classes.singles
        self.routers: dict[int, Shape] = {}
        groups: dict[tuple[int, ...], tuple[int, list[int]]] = {}
        for node_id, shape in self.source.items():
            if node_id in policy.world.routers:
                self.routers[node_id] = shape
            else:
                groups.setdefault(shape.all, (shape.mask, []))[1].append(node_id)
        self.groups = {key: (mask, kind(ids)) for key, (mask, ids) in groups.items()}
        self.ids = kind([node_id for node_id, _ in self.source.items()])


class Blocks:
    """The blocks of all policies that moved on from one another. Entries are replaced, never changed: readers of any
    state may use them at once, and at worst make the same one twice."""

    __slots__ = ("_entries", "_routers", "_singles")

    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}
        self._routers: dict[tuple[int, tuple[bool, ...], bool], tuple[PeerPart, PeerPart]] = {}
        self._singles: Singles | None = None

    def singles(self, state: State) -> Singles:
        """The nodes that some rule tells from others."""
        singles = self._singles
        if singles is None or singles.source is not state.policy.classes.singles:
            singles = self._singles = Singles(state)
        return singles

    def seen(self, state: State, row: int, hidden: Iterable[int]) -> tuple[list[Block], list[Block], list[int]]:
        """The blocks of all peers in the classes of ``row``; apart those with a node of ``hidden``, for the sake of its
        other peers; and the routers, which are in no block."""
        singles = self.singles(state)
        every = state.policy.classes.members
        seen_row = row
        broken: dict[Key, set[int]] = {}
        for node_id in hidden:
            shape = state.policy.shape(node_id)
            if row & shape.mask and node_id not in singles.routers:
                broken.setdefault(shape.all if node_id in singles.ids else shape.all[0], set()).add(node_id)
        whole: list[Block] = []
        apart: list[Block] = []
        for key, node_ids in broken.items():
            if isinstance(key, int):
                row &= ~(1 << key)
                entry = self._entry(state, key, every[key], singles)
            else:
                entry = self._entry(state, key, singles.groups[key][1], singles)
            places = {node_id >> entry.shift for node_id in node_ids}
            for place, block in entry.blocks.items():
                (apart if place in places else whole).append(block)
        whole.extend(self.of_classes(state, row))
        for key, (mask, ids) in singles.groups.items():
            if seen_row & mask and key not in broken:
                whole.extend(self._entry(state, key, ids, singles).blocks.values())
        return whole, apart, [router for router, shape in singles.routers.items() if seen_row & shape.mask]

    def router(self, state: State, node_id: int, row: int, part: PeerPart) -> PeerPart:
        """A router as all who see the classes of ``row`` see it."""
        shape = state.policy.shape(node_id)
        reached = tuple([any(row >> number & 1 for number in numbers) for _, numbers in shape.routes])
        exit_node = any(row >> number & 1 for number in shape.exits)
        if not exit_node and True not in reached:
            return part
        key = (node_id, reached, exit_node)
        known = self._routers.get(key)
        if known is None or known[0] is not part:
            node = state.topology.nodes.get(node_id)
            assert node is not None
            piece = reach_piece(node, *reached_by(state.policy, node, row))
            known = self._routers[key] = (part, msgspec.structs.replace(part, reach=piece))
        return known[1]

    def of_classes(self, state: State, row: int) -> list[Block]:
        """The blocks of nodes like others in the classes of ``row``."""
        singles = self.singles(state)
        every = state.policy.classes.members
        blocks: list[Block] = []
        entries, marks = self._entries, state.marks
        latest, all_mark = marks.by_key.get, marks.all
        for number in members(row):
            found = entries.get(number)
            if (
                found is None
                or found.members is not every[number]
                or found.stamp is not latest(number)
                or found.singles is not singles
                or found.all is not all_mark
            ):
                found = self._entry(state, number, every[number], singles)
            blocks.extend(found.blocks.values())
        return blocks

    def _entry(self, state: State, key: Key, ids: IdSet, singles: Singles) -> Entry:
        old = self._entries.get(key)
        stamp = state.marks.by_key.get(key)
        if (
            old is not None
            and old.members is ids
            and old.stamp is stamp
            and old.singles is singles
            and old.all is state.marks.all
        ):
            return old
        own = ids - singles.ids if isinstance(key, int) else ids
        shift = _shift(own)
        kept = old if old is not None and old.shift == shift else None
        entry = Entry(ids, singles, stamp, state.marks.all, shift)
        for place, inside in _places(own, shift).items():
            numbers = dict.fromkeys([node_id >> CHUNK_BITS for node_id in inside])
            chunks = tuple([state.chunks.get(number) for number in numbers])
            block = None if kept is None else kept.blocks.get(place)
            if block is None or kept is None or kept.chunks[place] != chunks or block.ids != inside:
                block = Block(parts_of(state.chunks, inside))
            if block.ids:
                entry.blocks[place], entry.chunks[place] = block, chunks
        self._entries[key] = entry
        return entry


def _shift(ids: IdSet) -> int:
    """How many low bits of an id are within a block, so that blocks have about as many peers as they should."""
    if len(ids) <= BLOCK_PEERS * 3 // 2:
        return 64
    span = (int(ids.max()) - int(ids.min()) + 1) * BLOCK_PEERS // len(ids)
    return max(CHUNK_BITS, span.bit_length() - 1)


def _places(ids: IdSet, shift: int) -> dict[int, list[int]]:
    places: dict[int, list[int]] = {}
    for node_id in ids.to_array():
        places.setdefault(node_id >> shift, []).append(node_id)
    return places
