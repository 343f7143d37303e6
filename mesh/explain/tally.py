"""Tallies: nodes sorted into sets, and how many pairs between two sets may do what, without walking pairs of nodes.

Nodes are counted by block (nodes that the policy cannot tell apart). Blocks into which the same lines lead have one
profile: what flows in, and from which blocks. Pairs are first counted as if all nodes were strangers; pairs of a node
with itself are then taken out, and those of one user's devices put right, where ``autogroup:self`` counts as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from mesh.compile import CompiledPolicy
from mesh.compile.bits import large_mask_of, members
from mesh.compile.world import Principal
from mesh.explain.accesses import Access, Accesses
from mesh.explain.blocks import Blocks, planes_of, weigh
from mesh.explain.times import NOW, Times

Sorter: TypeAlias = Callable[[Principal, int], tuple[int, ...]]
"""The numbers of the sets that the nodes of a principal in a block are counted in; there may be none."""

Cell: TypeAlias = tuple[int, int]
"""Two sets by number: from, to."""


K = TypeVar("K")
K_co = TypeVar("K_co", covariant=True)


class Source(Protocol[K_co]):
    """Says things of pairs of nodes, by their blocks."""

    def profile(self, receiver: int) -> object:
        """A key: of receivers with the same one the same is said."""

    def into(self, receiver: int) -> Sequence[tuple[int, K_co]]:
        """What is said of a receiver and senders that are not of the same user, with the senders' blocks as bits."""

    def between(self, sender: int, receiver: int, *, same_user: bool) -> Sequence[K_co]:
        """What is said of one pair."""


@dataclass(frozen=True, slots=True)
class Share:
    """Nodes of one principal in one block, and the sets that they are counted in."""

    block: int
    nodes: int
    sets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Crew:
    """All nodes of one principal that are counted somewhere, by block."""

    shares: tuple[Share, ...]
    same_user: bool


class Tally:
    """Counts pairs between sets of nodes. ``sizes`` are how many nodes are in each, ``possible`` how many ordered pairs
    of two different nodes there are."""

    __slots__ = ("_accesses", "_blocks", "_crews", "_masks", "_planes", "_times", "possible", "sizes")

    def __init__(self, times: Times, blocks: Blocks, accesses: Accesses, sort: Sorter) -> None:
        self._times = times
        self._blocks = blocks
        self._accesses = accesses
        self._crews = list(_crews(times.of(NOW), blocks, sort))
        counts: dict[int, Counter[int]] = defaultdict(Counter)
        for crew in self._crews:
            for share in crew.shares:
                for number in share.sets:
                    counts[number][share.block] += share.nodes
        size = len(blocks.sizes)
        self.sizes = {number: found.total() for number, found in sorted(counts.items())}
        self._masks = {number: large_mask_of(found, size) for number, found in counts.items()}
        self._planes = {number: planes_of(found) for number, found in counts.items()}
        self.possible = self._possible()

    def flows(self, cells: Collection[Cell] | None = None) -> dict[Cell, Counter[Access]]:
        """For each ordered pair of sets (or for ``cells`` alone) how many ordered pairs of nodes may do what; those
        that may do nothing at any time are not counted."""
        return self.counts(self._accesses, cells)

    def counts(self, source: Source[K], cells: Collection[Cell] | None = None) -> dict[Cell, Counter[K]]:
        """For each ordered pair of sets (or for ``cells`` alone) of how many ordered pairs of nodes ``source`` says
        what."""
        senders = set(self.sizes) if cells is None else {sender for sender, _ in cells}
        wanted = set(self.sizes) if cells is None else {receiver for _, receiver in cells}
        found: dict[Cell, Counter[K]] = defaultdict(Counter)
        for block, receivers in self._by_profile(source.profile).items():
            chosen = [(number, nodes) for number, nodes in receivers.items() if number in wanted]
            if not chosen:
                continue
            for mask, said in source.into(block):
                for sender, weight in self._weights(mask, senders):
                    for receiver, nodes in chosen:
                        found[sender, receiver][said] += weight * nodes
        for one, other, same, others in self._close_pairs():
            near = [cell for cell in _cells(one, other) if cell[0] in senders and cell[1] in wanted]
            if not near:
                continue
            strangers = source.between(one.block, other.block, same_user=False)
            companions = source.between(one.block, other.block, same_user=True) if others else ()
            for cell in near:
                tally = found[cell]
                for said in strangers:
                    tally[said] -= same + others
                for said in companions:
                    tally[said] += others
        counted = {
            cell: Counter({said: pairs for said, pairs in tally.items() if pairs})
            for cell, tally in found.items()
            if cells is None or cell in cells
        }
        return {cell: tally for cell, tally in counted.items() if tally}

    def seen(self, era: int) -> Counter[Cell]:
        """For each ordered pair of sets how many ordered pairs of nodes see each other then."""
        compiled, place = self._times.of(era), self._times.places[era]

        def companions(one: int, other: int) -> bool:
            shapes = self._blocks.by_number[one].shapes[place], self._blocks.by_number[other].shapes[place]
            return compiled.same_user_sees(*shapes)

        return self._counted(place, compiled.reach.sees, companions)

    def reached(self) -> Counter[Cell]:
        """For each ordered pair of sets how many ordered pairs of nodes there are where the first may do something to
        the second."""

        def companions(one: int, other: int) -> bool:
            return bool(self._accesses.companions(one, other).now)

        return self._counted(0, self._times.of(NOW).reach.into, companions)

    def _counted(self, policy: int, rows: Sequence[int], companions: Callable[[int, int], bool]) -> Counter[Cell]:
        """Ordered pairs of a node and a receiver in whose row it is; for devices of one user ``companions`` decides."""
        by_number = self._blocks.by_number
        known: dict[int, int] = {}

        def row(number: int) -> int:
            found = known.get(number)
            if found is None:
                classes = 0
                for item in by_number[number].shapes[policy].all:
                    classes |= rows[item]
                found = known[number] = self._blocks.expand(policy, classes)
            return found

        every = set(self.sizes)
        found: Counter[Cell] = Counter()
        for block, receivers in self._by_profile(row).items():
            for sender, weight in self._weights(row(block), every):
                for receiver, nodes in receivers.items():
                    found[sender, receiver] += weight * nodes
        own = bool(self._times.policies[policy].sides.self_lines)
        for one, other, same, others in self._close_pairs():
            strangers = bool(row(other.block) >> one.block & 1)
            together = companions(one.block, other.block) if own and others else strangers
            change = others * together - (same + others) * strangers
            if change:
                for cell in _cells(one, other):
                    found[cell] += change
        return Counter({cell: pairs for cell, pairs in found.items() if pairs})

    def blocks_of(self, number: int) -> list[int]:
        """The blocks that a set has nodes in."""
        return members(self._masks.get(number, 0))

    def _weights(self, mask: int, numbers: Container[int]) -> list[tuple[int, int]]:
        """Those of the sets ``numbers`` that have nodes in the blocks ``mask``, and how many."""
        return [
            (number, weigh(self._planes[number], mask))
            for number, blocks in self._masks.items()
            if blocks & mask and number in numbers
        ]

    def _by_profile(self, profile: Callable[[int], object]) -> dict[int, Counter[int]]:
        """For one block of each profile, how many nodes of each set are in the blocks that have it."""
        first: dict[object, int] = {}
        found: dict[int, Counter[int]] = defaultdict(Counter)
        for crew in self._crews:
            for share in crew.shares:
                block = first.setdefault(profile(share.block), share.block)
                for number in share.sets:
                    found[block][number] += share.nodes
        return found

    def _close_pairs(self) -> Iterator[tuple[Share, Share, int, int]]:
        """Shares of one user with how many ordered pairs there are of a node with itself and of two different nodes; of
        others than users with themselves alone."""
        for crew in self._crews:
            for one in crew.shares:
                if not crew.same_user:
                    yield one, one, one.nodes, 0
                    continue
                for other in crew.shares:
                    same = one.nodes if one is other else 0
                    yield one, other, same, one.nodes * other.nodes - same

    def _possible(self) -> Counter[Cell]:
        found = Counter({(one, other): n * m for one, n in self.sizes.items() for other, m in self.sizes.items()})
        for crew in self._crews:
            for share in crew.shares:
                for cell in _cells(share, share):
                    found[cell] -= share.nodes
        return found


def _cells(one: Share, other: Share) -> list[Cell]:
    return [(sender, receiver) for sender in one.sets for receiver in other.sets]


def _crews(compiled: CompiledPolicy, blocks: Blocks, sort: Sorter) -> Iterator[Crew]:
    number_of = blocks.by_node()
    for principal, ids in compiled.world.principals.items():
        counts = Counter(number_of[ident] for ident in ids if ident in number_of)
        shares = tuple(Share(block, nodes, sets) for block, nodes in counts.items() if (sets := sort(principal, block)))
        if shares:
            yield Crew(shares, isinstance(principal, int))
