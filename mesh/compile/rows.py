"""Rules between classes: walking a list of rules once for all classes on the other side.

A row is a bit set of classes. ``walk`` is the heart of the engine: first match wins, by atoms of protocol and port.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mesh.compile.atoms import Reach
from mesh.compile.terms import SELF_BIT, RuleTerms, Terms
from mesh.policy.rules import Rule


class Line(NamedTuple):
    """A rule as the engine reads it: its terms as bit sets. ``own_devices`` says that ``autogroup:self`` stands among
    its destinations, whose bits leave it out."""

    rule: Rule
    said: RuleTerms
    sources: int
    destinations: int
    own_devices: bool


def line_of(rule: Rule, said: RuleTerms, terms: Terms) -> Line:
    """The line of ``rule``, whose terms must all be among ``terms``."""
    sources = destinations = 0
    for source in said.sources:
        sources |= 1 << terms.numbers[source if source.conditions else source.selector]
    for destination in said.destinations:
        destinations |= 1 << terms.numbers[destination]
    return Line(rule, said, sources, destinations & ~SELF_BIT, bool(destinations & SELF_BIT))


class Step(NamedTuple):
    """What walking needs of a line: whether it accepts, and where it lies in the cut of protocols and ports."""

    accepts: bool
    reach: Reach


def walk(numbers: Iterable[int], steps: Sequence[Step], others: Sequence[int], everybody: int) -> int:
    """Which classes on the other side have a flow accepted by the rules ``numbers`` (ascending), on any port.

    ``others[n]`` are the classes that rule ``n`` matches on the other side; the walk ends early once ``everybody``
    there is accepted.
    """
    allowed = 0
    denied: dict[int, int] = {}
    for number in numbers:
        accepts, (atoms, free) = steps[number]
        matched = others[number]
        if not accepts:
            for atom in atoms:
                denied[atom] = denied.get(atom, 0) | matched
            continue
        if free or not denied:
            allowed |= matched
        else:
            blocked = matched & ~allowed
            for atom in atoms:
                blocked &= denied.get(atom, 0)
                if not blocked:
                    break
            allowed |= matched & ~blocked
        if allowed == everybody:
            break
    return allowed


def walk_through(numbers: Iterable[int], steps: Sequence[Step], others: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The same walk, rule by rule: each accept rule with the classes that it is the first to accept."""
    allowed = 0
    denied: dict[int, int] = {}
    for number in numbers:
        accepts, (atoms, free) = steps[number]
        matched = others[number]
        if not accepts:
            for atom in atoms:
                denied[atom] = denied.get(atom, 0) | matched
            continue
        fresh = matched & ~allowed
        if not free:
            blocked = fresh
            for atom in atoms:
                blocked &= denied.get(atom, 0)
            fresh &= ~blocked
        if fresh:
            allowed |= fresh
            yield number, fresh
