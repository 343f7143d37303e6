"""Which classes see which: the rows that every question about visibility is answered from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mesh.compile.atoms import Atoms
from mesh.compile.bits import few, large_mask_of, mask_of, members
from mesh.compile.classes import Classes
from mesh.compile.rows import Line, Step, walk


@dataclass(frozen=True, slots=True)
class Reach:
    """Rows by class. ``into[c]``: classes with an accepted flow to ``c``; ``out_of[c]``: classes that ``c`` has one to.

    ``sees`` joins both. ``same`` is what ``sees`` becomes between own addresses of one user's nodes, where
    ``autogroup:self`` counts as well: it is about untagged classes with an owner, and empty where no rule says it.
    """

    into: list[int]
    out_of: list[int]
    sees: list[int]
    same: list[int]


@dataclass(frozen=True, slots=True)
class Sides:
    """The lines in force and the classes that each matches: as a source and as a destination; and, where one says
    ``autogroup:self``, both once more within one user's devices (``own_``). ``by_source`` and ``by_destination`` lead
    from a term to the lines that name it, as bit sets of their numbers, and ``self_lines`` are those that say it."""

    lines: tuple[Line, ...]
    atoms: Atoms
    steps: list[Step]
    sources: list[int]
    destinations: list[int]
    own_sources: list[int]
    own_destinations: list[int]
    by_source: list[int]
    by_destination: list[int]
    self_lines: int

    def towards(self, terms: int) -> int:
        """The lines that match a destination with these terms, as bits; ``autogroup:self`` aside."""
        return _lines_of(terms, self.by_destination)

    def onwards(self, terms: int) -> int:
        """The lines that match a source with these terms, as bits."""
        return _lines_of(terms, self.by_source)


def _lines_of(terms: int, by_term: Sequence[int]) -> int:
    found = 0
    for term in few(terms):
        if term < len(by_term):
            found |= by_term[term]
    return found


def sides_of(lines: tuple[Line, ...], classes: Classes) -> Sides:
    """What ``lines``, which are those in force by position, match among ``classes``."""
    atoms = Atoms([line.rule for line in lines])
    steps = [Step(line.rule.accepts, atoms.reach(line.rule)) for line in lines]
    sources = [classes.matching(line.sources) for line in lines]
    destinations = [classes.matching(line.destinations) for line in lines]
    return assembled(lines, atoms, steps, (sources, destinations), classes)


def assembled(
    lines: tuple[Line, ...],
    atoms: Atoms,
    steps: list[Step],
    matched_classes: tuple[list[int], list[int]],
    classes: Classes,
) -> Sides:
    """The sides, with what follows from the classes that each line matches as sources and as destinations."""
    sources, destinations = matched_classes
    own_sources: list[int] = []
    own_destinations: list[int] = []
    if any(line.own_devices for line in lines):
        owned = classes.owned
        own_sources = [matched & owned for matched in sources]
        own_destinations = [
            owned if line.own_devices else matched & owned for line, matched in zip(lines, destinations, strict=True)
        ]
    return Sides(
        lines,
        atoms,
        steps,
        sources,
        destinations,
        own_sources,
        own_destinations,
        _by_term([line.sources for line in lines]),
        _by_term([line.destinations for line in lines]),
        mask_of(number for number, line in enumerate(lines) if line.own_devices),
    )


def _by_term(masks: Sequence[int]) -> list[int]:
    found: list[list[int]] = []
    for number, mask in enumerate(masks):
        for term in few(mask):
            while len(found) <= term:
                found.append([])
            found[term].append(number)
    return [large_mask_of(numbers, len(masks)) if numbers else 0 for numbers in found]


class Rows:
    """Works out rows for one state of sides and classes; identical lists of rules are walked once."""

    __slots__ = ("_classes", "_everybody", "_into", "_out_of", "_owned", "_same_into", "_same_out_of", "_sides")

    def __init__(self, sides: Sides, classes: Classes) -> None:
        self._sides = sides
        self._classes = classes
        self._everybody = (1 << len(classes.keys)) - 1
        self._owned = classes.owned if sides.self_lines else 0
        self._into: dict[int, int] = {}
        self._out_of: dict[int, int] = {}
        self._same_into: dict[int, int] = {}
        self._same_out_of: dict[int, int] = {}

    def into(self, number: int) -> int:
        """The classes with an accepted flow to class ``number``."""
        key = self._classes.keys[number]
        lines = self._sides.towards(key.terms)
        row = self._into.get(lines)
        if row is None:
            row = self._into[lines] = walk(members(lines), self._sides.steps, self._sides.sources, self._everybody)
        return row & self._classes.of_family(key.families)

    def out_of(self, number: int) -> int:
        """The classes that class ``number`` has an accepted flow to."""
        key = self._classes.keys[number]
        lines = self._sides.onwards(key.terms)
        row = self._out_of.get(lines)
        if row is None:
            others = self._sides.destinations
            row = self._out_of[lines] = walk(members(lines), self._sides.steps, others, self._everybody)
        return row & self._classes.of_family(key.families)

    def same(self, number: int) -> int:
        """The classes that class ``number`` sees within one user's devices."""
        if not self._owned >> number & 1:
            return 0
        key = self._classes.keys[number]
        sides = self._sides
        towards = sides.towards(key.terms) | sides.self_lines
        row = self._same_into.get(towards)
        if row is None:
            row = self._same_into[towards] = walk(members(towards), sides.steps, sides.own_sources, self._owned)
        if row != self._owned:
            onwards = sides.onwards(key.terms)
            out = self._same_out_of.get(onwards)
            if out is None:
                out = walk(members(onwards), sides.steps, sides.own_destinations, self._owned)
                self._same_out_of[onwards] = out
            row |= out
        return row & self._classes.of_family(key.families)


def reach_of(sides: Sides, classes: Classes) -> Reach:
    """Evaluate all rules between all classes."""
    rows = Rows(sides, classes)
    every = range(len(classes.keys))
    into = [rows.into(number) for number in every]
    out_of = [rows.out_of(number) for number in every]
    return Reach(
        into,
        out_of,
        [inward | outward for inward, outward in zip(into, out_of, strict=True)],
        [rows.same(number) for number in every],
    )
