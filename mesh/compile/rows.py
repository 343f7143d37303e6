"""Rules between classes: walking a list of rules once for all classes on the other side.

A row is a bit set of classes. ``walk`` is the heart of the engine: first match wins, by atoms of protocol and port.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mesh.compile.atoms import Atoms
from mesh.compile.terms import DESTINATION_SELF, RuleTerms, Terms
from mesh.policy.rules import Rule


class Line(NamedTuple):
    """A rule in force, ready to walk: its terms as bit sets, the atoms it touches, and whether it has a part outside
    all denials. ``own_devices`` says that ``autogroup:self`` stands among its destinations, whose bits leave it out."""

    rule: Rule
    said: RuleTerms
    accepts: bool
    sources: int
    destinations: int
    own_devices: bool
    atoms: tuple[int, ...]
    free: bool


def lines_of(rules: Sequence[Rule], said: Mapping[int, RuleTerms], terms: Terms) -> tuple[Line, ...]:
    """The lines of ``rules``, which are those in force by position; ``said`` is keyed by position."""
    atoms = Atoms(rules)
    lines = []
    for rule in rules:
        words = said[rule.position]
        sources = destinations = 0
        for source in words.sources:
            sources |= 1 << terms.sources[source]
        for destination in words.destinations:
            destinations |= 1 << terms.destinations[destination]
        own_devices = bool(destinations >> DESTINATION_SELF & 1)
        destinations &= ~(1 << DESTINATION_SELF)
        reach = atoms.reach(rule)
        lines.append(Line(rule, words, rule.accepts, sources, destinations, own_devices, reach.atoms, reach.free))
    return tuple(lines)


def walk(numbers: Iterable[int], lines: Sequence[Line], others: Sequence[int]) -> int:
    """Which classes on the other side have a flow accepted by the rules ``numbers`` (ascending), on any port.

    ``others[n]`` are the classes that rule ``n`` matches on the other side.
    """
    allowed = 0
    denied: dict[int, int] = {}
    for number in numbers:
        line = lines[number]
        matched = others[number]
        if not line.accepts:
            for atom in line.atoms:
                denied[atom] = denied.get(atom, 0) | matched
        elif line.free or not denied:
            allowed |= matched
        else:
            blocked = matched & ~allowed
            for atom in line.atoms:
                blocked &= denied.get(atom, 0)
                if not blocked:
                    break
            allowed |= matched & ~blocked
    return allowed
