"""Which classes see which: the rows that every question about visibility is answered from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mesh.compile.bits import members
from mesh.compile.classes import Classes
from mesh.compile.rows import Line, walk
from mesh.compile.terms import DESTINATION_SELF


@dataclass(frozen=True, slots=True)
class Reach:
    """Rows by class. ``into[c]``: classes with an accepted flow to ``c``; ``out_of[c]``: classes that ``c`` has one to.

    ``sees`` joins both. ``same`` is what ``sees`` becomes between nodes of one user, where ``autogroup:self`` counts as
    well; it speaks of the untagged classes with an owner alone, and equals ``sees`` where no rule names it.
    """

    into: tuple[int, ...]
    out_of: tuple[int, ...]
    sees: tuple[int, ...]
    same: tuple[int, ...]


class Sides:
    """For each line, the classes that it matches as a source and as a destination."""

    __slots__ = ("by_destination", "by_source", "destinations", "own_destinations", "self_numbers", "sources")

    def __init__(self, lines: Sequence[Line], classes: Classes) -> None:
        self.sources = [_classes_of(line.sources, classes.source_members) for line in lines]
        self.destinations = [_classes_of(line.destinations, classes.destination_members) for line in lines]
        owned = owned_classes(classes)
        self.own_destinations = [
            matched | owned if line.own_devices else matched
            for line, matched in zip(lines, self.destinations, strict=True)
        ]
        self.self_numbers = frozenset(number for number, line in enumerate(lines) if line.own_devices)
        self.by_source = _by_term((line.sources for line in lines), len(classes.source_members))
        self.by_destination = _by_term((line.destinations for line in lines), len(classes.destination_members))


def owned_classes(classes: Classes) -> int:
    """The classes of untagged nodes with an owner: those that ``autogroup:self`` can speak of."""
    return _term_members(classes.destination_members, DESTINATION_SELF)


def _term_members(table: Sequence[int], term: int) -> int:
    return table[term] if term < len(table) else 0


def _classes_of(terms: int, table: Sequence[int]) -> int:
    matched = 0
    for term in members(terms):
        matched |= _term_members(table, term)
    return matched


def _by_term(masks: Iterable[int], size: int) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in range(size)]
    for number, mask in enumerate(masks):
        for term in members(mask):
            if term < size:
                found[term].append(number)
    return found


def _numbers(mask: int, by_term: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The rules that match any of the terms in ``mask``, ascending."""
    lists = [by_term[term] for term in members(mask) if by_term[term]]
    if len(lists) == 1:
        return tuple(lists[0])
    return tuple(sorted(set().union(*lists)))


def reach_of(lines: Sequence[Line], sides: Sides, classes: Classes) -> Reach:
    """Evaluate all rules between all classes; identical lists of rules are walked once."""
    inward, outward = _Walks(lines, sides.sources), _Walks(lines, sides.destinations)
    own_inward, own_outward = _Walks(lines, sides.sources), _Walks(lines, sides.own_destinations)
    owned = owned_classes(classes) if sides.self_numbers else 0
    into: list[int] = []
    out_of: list[int] = []
    sees: list[int] = []
    same: list[int] = []
    for number, key in enumerate(classes.keys):
        family = classes.of_family(key.families)
        towards = _numbers(key.destination, sides.by_destination)
        onwards = _numbers(key.source, sides.by_source)
        into.append(inward.row(towards) & family)
        out_of.append(outward.row(onwards) & family)
        sees.append(into[-1] | out_of[-1])
        if owned >> number & 1:
            with_self = tuple(sorted(sides.self_numbers.union(towards)))
            same.append((own_inward.row(with_self) | own_outward.row(onwards)) & family & owned)
        else:
            same.append(sees[-1])
    return Reach(tuple(into), tuple(out_of), tuple(sees), tuple(same))


class _Walks:
    """Walks in one direction, each list of rules once."""

    __slots__ = ("_lines", "_others", "_rows")

    def __init__(self, lines: Sequence[Line], others: Sequence[int]) -> None:
        self._lines = lines
        self._others = others
        self._rows: dict[tuple[int, ...], int] = {}

    def row(self, numbers: tuple[int, ...]) -> int:
        """The classes on the other side that the rules ``numbers`` accept."""
        found = self._rows.get(numbers)
        if found is None:
            found = self._rows[numbers] = walk(numbers, self._lines, self._others)
        return found
