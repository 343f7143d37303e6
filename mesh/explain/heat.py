"""The heat map: what the nodes of each group, tag, user or class may do to those of each other one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final, TypeAlias

from mesh.compile.bits import mask_of
from mesh.compile.world import Principal
from mesh.explain.deciders import Deciders
from mesh.explain.flows import NO_FLOW, Flow, flow_of
from mesh.explain.graph import Grapher
from mesh.explain.tally import Cell, Tally
from mesh.explain.times import EVER, NOW
from mesh.policy.rules import Rule
from mesh.policy.services import services_of


class Axis(StrEnum):
    """What rows and columns are: groups of people and tags of machines, users, or policy classes."""

    GROUP = "group"
    USER = "user"
    CLASS = "class"


HeatKey: TypeAlias = tuple[str, str | int]
"""``("group", NAME)``, ``("tag", TAG)``, ``("user", ID)`` or ``("class", NUMBER)``."""


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A row and column: how many nodes it stands for, and to whom they belong, most first."""

    key: HeatKey
    nodes: int
    principals: tuple[Principal, ...]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """From one row to another: of ``possible`` ordered pairs of different nodes ``flow.pairs`` may do something.
    ``denied``: none may, and deny rules say so of every one of them, on any port."""

    possible: int
    flow: Flow
    denied: bool


@dataclass(frozen=True, slots=True)
class Decider:
    """A rule in force that lets pairs of a cell do something (or keeps them from it), and how many. ``later``: it is
    not in force now, and lets them at other times."""

    rule: Rule
    pairs: int
    later: bool = False


EXAMPLES: Final = 40
"""Among how many nodes of a row an example is looked for."""

_EVERYTHING: Final = frozenset(services_of((), (), accept=False))


class HeatMap:
    """The heat map of one policy along one axis."""

    __slots__ = ("_axis", "_grapher", "_groups_of", "rows")

    def __init__(self, grapher: Grapher, axis: Axis) -> None:
        self._grapher = grapher
        self._axis = axis
        self._groups_of: dict[int, list[str]] = defaultdict(list)
        if axis is Axis.GROUP:
            for name in sorted(grapher.compiled.groups):
                for user in grapher.compiled.groups[name]:
                    self._groups_of[user].append(name)
        self.rows = self._rows()
        """All rows: groups before tags, then by descending number of nodes."""

    def cells(self, rows: Sequence[HeatRow]) -> dict[Cell, HeatCell]:
        """The cells between ``rows``, by index; only those where something may be done at some time, or all is
        denied."""
        tally = self._tally(rows)
        flows = {cell: flow_of(found) for cell, found in tally.flows().items()}
        denied = self._denied(tally, len(rows), flows)
        return {
            cell: HeatCell(possible, flows.get(cell, NO_FLOW), cell in denied)
            for cell, possible in tally.possible.items()
            if possible and (cell in flows or cell in denied)
        }

    def seen(self) -> tuple[int, int]:
        """How many pairs of nodes see each other, and how many pairs there are."""
        tally = self._grapher.tally(lambda principal, block: (0,))
        return tally.seen(NOW)[0, 0] // 2, tally.possible[0, 0] // 2

    def deciders(self, source: HeatRow, target: HeatRow) -> tuple[tuple[Decider, ...], HeatCell]:
        """The rules that decide about a cell, by position, those that open it at other times too, and the cell."""
        rows = (source,) if source.key == target.key else (source, target)
        cell = 0, len(rows) - 1
        tally = self._tally(rows)
        flows = {at: flow_of(found) for at, found in tally.flows({cell}).items()}
        denied = cell in self._denied(tally, len(rows), flows)
        found = sorted(self._deciding(tally, cell), key=lambda item: item.rule.position)
        return tuple(found), HeatCell(tally.possible[cell], flows.get(cell, NO_FLOW), denied)

    def _deciding(self, tally: Tally, cell: Cell) -> Iterator[Decider]:
        times, blocks = self._grapher.times, self._grapher.blocks
        lines = times.of(NOW).sides.lines
        for number, pairs in tally.counts(Deciders(times.of(NOW), blocks), {cell}).get(cell, {}).items():
            yield Decider(lines[number].rule, pairs)
        if times.of(EVER) is times.of(NOW):
            return
        in_force = {line.rule.position for line in lines}
        rules = {rule.position: rule for rule in times.of(NOW).policy.rules}
        deciders = Deciders(times.of(EVER), blocks.seen_by(times.places[EVER]))
        lines = times.of(EVER).sides.lines
        for number, pairs in tally.counts(deciders, {cell}).get(cell, {}).items():
            if (position := lines[number].rule.position) not in in_force:
                yield Decider(rules[position], pairs, later=True)

    def example(self, source: HeatRow, target: HeatRow) -> tuple[int, int] | None:
        """Two nodes of a cell, of which the first may do something to the second, at other times at least, if such are
        among the first of each row; None where there are no two."""
        senders, receivers = (self._first(row) for row in (source, target))
        pairs = [(one, other) for other in receivers for one in senders if one != other]
        later = next((pair for pair in pairs if self._grapher.access(*pair).ever), pairs[0] if pairs else None)
        return next((pair for pair in pairs if self._grapher.access(*pair).now), later)

    def _first(self, row: HeatRow) -> list[int]:
        """The first nodes of a row, by id."""
        found = (
            ident
            for principal in row.principals
            for ident in self._grapher.compiled.world.of(principal)
            if row.key in self._keys(principal, self._grapher.block_of(ident))
        )
        return sorted(islice(found, EXAMPLES))

    def _keys(self, principal: Principal, block: int) -> tuple[HeatKey, ...]:
        if self._axis is Axis.CLASS:
            return (("class", block),)
        if principal is None:
            return ()
        if isinstance(principal, frozenset):
            return tuple(("tag", tag) for tag in sorted(principal)) if self._axis is Axis.GROUP else ()
        if self._axis is Axis.USER:
            return (("user", principal),)
        return tuple(("group", name) for name in self._groups_of.get(principal, ()))

    def _rows(self) -> tuple[HeatRow, ...]:
        nodes: Counter[HeatKey] = Counter()
        whose: dict[HeatKey, Counter[Principal]] = defaultdict(Counter)
        for principal, block, count in self._grapher.shares():
            for key in self._keys(principal, block):
                nodes[key] += count
                whose[key][principal] += count
        ranked = sorted(nodes, key=lambda key: (key[0], -nodes[key], str(key[1])))
        return tuple(
            HeatRow(key, nodes[key], tuple(principal for principal, _ in whose[key].most_common(3))) for key in ranked
        )

    def _tally(self, rows: Sequence[HeatRow]) -> Tally:
        numbers = {row.key: number for number, row in enumerate(rows)}
        return self._grapher.tally(
            lambda principal, block: tuple(numbers[key] for key in self._keys(principal, block) if key in numbers)
        )

    def _denied(self, tally: Tally, size: int, flows: Mapping[Cell, Flow]) -> set[Cell]:
        """The cells without a flow now of whose pairs a deny rule speaks, of all of them and on any port."""
        sides = self._grapher.compiled.sides
        whole = [
            number
            for number, line in enumerate(sides.lines)
            if not line.rule.accepts and frozenset(line.rule.services()) >= _EVERYTHING
        ]
        if not whole:
            return set()
        classes = [self._classes(tally, number) for number in range(size)]
        found: set[Cell] = set()
        for number in whole:
            sources = [row for row in range(size) if classes[row] and not classes[row] & ~sides.sources[number]]
            targets = [row for row in range(size) if classes[row] and not classes[row] & ~sides.destinations[number]]
            found.update(
                (one, other) for one in sources for other in targets if not flows.get((one, other), NO_FLOW).pairs
            )
        return found

    def _classes(self, tally: Tally, number: int) -> int:
        """The classes of all nodes of a row, as bits; without the internet behind exit nodes, of which only rules that
        name it speak."""
        found = 0
        for block in tally.blocks_of(number):
            shape = self._grapher.blocks.by_number[block].shapes[NOW]
            found |= shape.mask & ~mask_of(shape.exits)
        return found
