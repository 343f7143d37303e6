"""Protocols and ports cut into atoms: parts of the port lines that the deny rules cannot tell apart.

Only denials cut. Within one atom an accept rule is blocked for a source either everywhere or nowhere, and the part that
lies outside all denials can never be blocked at all. So visibility needs one bit set an atom, however many ports.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from mesh.policy.rules import Rule
from mesh.policy.services import LAST_PORT


class Reach(NamedTuple):
    """The atoms that a rule touches, and whether any part of it lies outside all denials."""

    atoms: tuple[int, ...]
    free: bool


class Part(NamedTuple):
    """A stretch of ports of one protocol that lies in one atom; -1 is what lies outside all denials."""

    protocol: int
    first: int
    last: int
    atom: int


class Atoms:
    """The cut made by the denials among ``rules``; ``reach`` and ``parts`` tell where a rule lies in it."""

    __slots__ = ("_lines",)

    def __init__(self, rules: Sequence[Rule]) -> None:
        numbers: dict[frozenset[int], int] = {frozenset(): -1}
        edges: dict[int, dict[int, list[tuple[bool, int]]]] = {}
        for index, rule in enumerate(rules):
            if rule.accepts:
                continue
            for protocol, ranges in rule.services():
                line = edges.setdefault(protocol, {})
                for item in ranges:
                    line.setdefault(item.first, []).append((True, index))
                    line.setdefault(item.last + 1, []).append((False, index))
        self._lines: dict[int, tuple[list[int], list[int]]] = {}
        for protocol, line in edges.items():
            starts, cover = [0], [-1]
            active: set[int] = set()
            for point in sorted(line):
                for enters, index in line[point]:
                    (active.add if enters else active.discard)(index)
                number = numbers.setdefault(frozenset(active), len(numbers) - 1)
                if point == 0:
                    cover[0] = number
                elif point <= LAST_PORT:
                    starts.append(point)
                    cover.append(number)
            self._lines[protocol] = (starts, cover)

    def reach(self, rule: Rule) -> Reach:
        """The atoms of ``rule``, in no particular order."""
        found: set[int] = set()
        free = False
        for protocol, ranges in rule.services():
            line = self._lines.get(protocol)
            if line is None:
                free = True
                continue
            starts, cover = line
            for item in ranges:
                found.update(cover[bisect_right(starts, item.first) - 1 : bisect_left(starts, item.last + 1)])
        if -1 in found:
            found.discard(-1)
            free = True
        return Reach(tuple(found), free)

    def parts(self, rule: Rule) -> list[Part]:
        """The stretches of ports that ``rule`` is about, each within one atom."""
        found: list[Part] = []
        for protocol, ranges in rule.services():
            starts, cover = self._lines.get(protocol, _UNCUT)
            for item in ranges:
                number = bisect_right(starts, item.first) - 1
                first = item.first
                while first <= item.last:
                    end = starts[number + 1] - 1 if number + 1 < len(starts) else LAST_PORT
                    found.append(Part(protocol, first, min(end, item.last), cover[number]))
                    first, number = end + 1, number + 1
        return found


_UNCUT: Final[tuple[list[int], list[int]]] = ([0], [-1])
