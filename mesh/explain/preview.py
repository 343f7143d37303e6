"""Preview: what a changed policy would change, counted exactly before anything is saved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from mesh.compile import CompiledPolicy
from mesh.compile.bits import members
from mesh.compile.editing import changed_lines
from mesh.explain.blocks import Blocks, blocks_of
from mesh.explain.causes import Cause, Causes
from mesh.explain.companions import Companions

BEFORE, AFTER = 0, 1

EXAMPLES: Final = 4
"""How many pairs a group names at most."""

_TRIED: Final = 2_000
"""How many pairs are looked at for a group's examples before it makes do with fewer."""

_Places = Mapping[Cause, list[Iterator[tuple[int, int]]]]


@dataclass(frozen=True, slots=True)
class PairGroup:
    """Pairs of nodes that see each other because of one rule, by the selectors that match them. ``first`` are a few of
    them, as ids, smaller first."""

    cause: Cause
    pairs: int
    first: tuple[tuple[int, int], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Preview:
    """Pairs of nodes that would come to see each other (``gained``) or cease to (``lost``), in all, by the rule and the
    selectors that let (or let) them, and the first of them as ids, smaller first. ``touched`` is the number of agents
    that would be told something: their peers change, or a changed rule concerns them."""

    gained: int
    lost: int
    gained_by: tuple[PairGroup, ...]
    lost_by: tuple[PairGroup, ...]
    first_gained: tuple[tuple[int, int], ...]
    first_lost: tuple[tuple[int, int], ...]
    touched: int


def preview(before: CompiledPolicy, after: CompiledPolicy, *, limit: int = 100) -> Preview:
    """Compare two compiled policies over the same nodes; ``limit`` pairs of either kind are listed.

    Make ``after`` from ``before`` with ``with_policy``: their classes then have the same numbers, and the comparison
    takes milliseconds instead of seconds.
    """
    blocks = blocks_of((before, after))
    work = _Work(before, after, blocks)
    gained, gained_by = work.count(AFTER, BEFORE)
    lost, lost_by = work.count(BEFORE, AFTER)
    return Preview(
        gained,
        lost,
        gained_by,
        lost_by,
        tuple(_first(work.pairs(AFTER, BEFORE), limit)),
        tuple(_first(work.pairs(BEFORE, AFTER), limit)),
        work.touched(),
    )


def _first(pairs: Iterator[tuple[int, int]], limit: int) -> Iterator[tuple[int, int]]:
    seen: set[tuple[int, int]] = set()
    if limit < 1:
        return
    for pair in pairs:
        if pair not in seen:
            seen.add(pair)
            yield pair
            if len(seen) >= limit:
                return


class _Work:
    """One comparison. ``new`` and ``old`` are BEFORE or AFTER: what counts is seen in ``new`` alone."""

    __slots__ = ("_blocks", "_companions", "_moved", "_policies", "_rows")

    def __init__(self, before: CompiledPolicy, after: CompiledPolicy, blocks: Blocks) -> None:
        self._policies = (before, after)
        self._blocks = blocks
        self._companions = Companions(self._policies, blocks)
        self._rows = tuple(
            {number: policy.row(block.shapes[index]) for number, block in blocks.by_number.items()}
            for index, policy in enumerate(self._policies)
        )
        alike = blocks.mixed[BEFORE] == blocks.mixed[AFTER] and before.lineage is after.lineage
        self._moved = [
            number for number, row in self._rows[BEFORE].items() if not alike or row != self._rows[AFTER][number]
        ]

    def count(self, new: int, old: int) -> tuple[int, tuple[PairGroup, ...]]:
        """How many pairs, and by what cause. First as if users had no devices in common, then set right for those."""
        causes = Causes(self._policies[new], self._blocks, new)
        counted: Counter[Cause] = Counter()
        places: defaultdict[Cause, list[Iterator[tuple[int, int]]]] = defaultdict(list)
        for number in self._moved:
            fresh = self._row(new, number) & ~self._row(old, number)
            if fresh:
                for cause, blocks in causes.towards(number, fresh):
                    counted[cause] += self._unordered(number, blocks)
                    places[cause].append(self._within(number, blocks))
        for one, other, pairs in self._companions.pairs():
            if self._sees(new, one, other) and not self._sees(old, one, other):
                counted[causes.between(one, other, same_user=False)] -= pairs
            if self._companions.sees(new, one, other) and not self._companions.sees(old, one, other):
                cause = causes.between(one, other, same_user=True)
                counted[cause] += pairs
                places[cause].append(self._companions.between(one, other))
        groups = sorted(
            (
                PairGroup(cause, pairs, self._examples(places, cause, new, old))
                for cause, pairs in counted.items()
                if pairs
            ),
            key=lambda item: (-item.pairs, item.cause.position, str(item.cause.source), str(item.cause.destination)),
        )
        return sum(counted.values()), tuple(groups)

    def _examples(self, places: _Places, cause: Cause, new: int, old: int) -> tuple[tuple[int, int], ...]:
        """The first pairs of a cause."""
        was, now = self._policies[old], self._policies[new]
        tried = islice((pair for place in places[cause] for pair in place), _TRIED)
        seen = (pair for pair in tried if now.sees(*pair) and not was.sees(*pair))
        return tuple(_first(seen, EXAMPLES))

    def _within(self, number: int, blocks: int) -> Iterator[tuple[int, int]]:
        """The pairs of nodes in block ``number`` and in ``blocks``, smaller id first, but for companions."""
        by_number = self._blocks.by_number
        for other in members(blocks):
            for one in by_number[number].ids:
                for two in by_number[other].ids:
                    if one != two and not self._companions.are(one, two):
                        yield min(one, two), max(one, two)

    def _unordered(self, number: int, blocks: int) -> int:
        """Pairs of block ``number`` with ``blocks``, of which its own is counted once."""
        size = self._blocks.sizes[number]
        own = blocks >> number & 1
        return size * self._blocks.weight(blocks & ~(1 << number)) + own * size * (size - 1) // 2

    def _sees(self, policy: int, one: int, other: int) -> bool:
        return bool(self._row(policy, one) >> other & 1)

    def _row(self, policy: int, number: int) -> int:
        """The blocks that block ``number`` sees, own devices aside."""
        return self._blocks.expand(policy, self._rows[policy][number])

    def pairs(self, new: int, old: int) -> Iterator[tuple[int, int]]:
        """The pairs themselves, by ascending number of block; some may come twice."""
        was, now = self._policies[old], self._policies[new]
        by_number = self._blocks.by_number
        for number in self._moved:
            for other in members(self._row(new, number) & ~self._row(old, number)):
                if other >= number:
                    for one in by_number[number].ids:
                        for two in by_number[other].ids:
                            if now.sees(one, two) and not was.sees(one, two):
                                yield min(one, two), max(one, two)
        yield from self._companions.nodes(new, old)

    def touched(self) -> int:
        """The agents that would be told something."""
        before, after = self._policies
        ids = before.world.id_set()
        change = changed_lines(before.sides.lines, after.sides.lines) if before.lineage is after.lineage else None
        concerned = 0
        own_changed = False
        for line in change.changed if change is not None else ():
            concerned |= line.destinations
            own_changed |= line.own_devices
        destinations = after.classes.matching(concerned) | (after.classes.owned if own_changed else 0)
        moved = {number for number in self._moved if self._row(BEFORE, number) != self._row(AFTER, number)}
        for number, block in self._blocks.by_number.items():
            if change is None or number in moved or block.shapes[AFTER].mask & destinations:
                ids |= block.ids
        for new, old in ((AFTER, BEFORE), (BEFORE, AFTER)):
            ids.update(ident for pair in self._companions.nodes(new, old) for ident in pair)
        return len(ids)
