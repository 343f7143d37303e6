"""Shadows: rules that can never decide, because earlier ones decide all that they match."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mesh.compile import CompiledPolicy
from mesh.compile.rows import Line
from mesh.policy.facts import Prefix
from mesh.policy.rules import Rule
from mesh.policy.selectors import Selector, SelectorKind
from mesh.policy.services import ANY_PORT, PortRange, merge_ports

_PEOPLE = frozenset({SelectorKind.USER, SelectorKind.GROUP, SelectorKind.SELF})


class Shadows:
    """Finds what shadows a rule, judging by what selectors mean and not by which nodes there are at present."""

    __slots__ = ("_by_destination", "_compiled", "_services")

    def __init__(self, compiled: CompiledPolicy) -> None:
        self._compiled = compiled
        self._services = {line.rule.position: dict(line.rule.services()) for line in compiled.lines}
        self._by_destination: dict[Selector, list[Line]] = {}

    def over(self, line: Line) -> tuple[Rule, ...]:
        """The earlier rules that together match whatever ``line`` matches, whoever may join; nothing where none do."""
        shadows: dict[int, Rule] = {}
        if not line.said.sources or not line.said.destinations:
            return ()
        for destination in line.said.destinations:
            earlier = [other for other in self._towards(destination) if other.rule.position < line.rule.position]
            for term in line.said.sources:
                covering = [
                    other
                    for other in earlier
                    if _whenever(other.rule, line.rule)
                    and any(self.covers(item.selector, term.selector, source=True) for item in other.said.sources)
                ]
                for protocol, wanted in self._services[line.rule.position].items():
                    used = self._filling(protocol, wanted, covering)
                    if used is None:
                        return ()
                    shadows.update((other.rule.position, other.rule) for other in used)
        return tuple(shadows[position] for position in sorted(shadows))

    def _towards(self, destination: Selector) -> Sequence[Line]:
        """The lines with a destination that covers ``destination``, by position."""
        found = self._by_destination.get(destination)
        if found is None:
            found = self._by_destination[destination] = [
                line
                for line in self._compiled.lines
                if any(self.covers(item, destination, source=False) for item in line.said.destinations)
            ]
        return found

    def _filling(self, protocol: int, wanted: tuple[PortRange, ...], lines: Iterable[Line]) -> list[Line] | None:
        """The lines that together match the ``wanted`` ports of a protocol; None where they do not."""
        used: list[Line] = []
        covered: tuple[PortRange, ...] = ()
        for line in lines:
            ranges = self._services[line.rule.position].get(protocol)
            if ranges is None:
                continue
            used.append(line)
            covered = merge_ports((*covered, *ranges)) or (ANY_PORT,)
            if all(any(have.first <= want.first and want.last <= have.last for have in covered) for want in wanted):
                return used
        return None

    def covers(self, wide: Selector, narrow: Selector, *, source: bool) -> bool:
        """Whether ``wide`` matches whatever ``narrow`` matches on that side. Named hosts come resolved to prefixes."""
        groups = self._compiled.groups
        if wide == narrow:
            return True
        match wide.kind, narrow.kind:
            case SelectorKind.ANY, SelectorKind.PREFIX:
                # As a source an address stands for itself, wherever it is; as a destination it must be the network's.
                return not source or any(_inside(narrow.prefix, mesh) for mesh in self._compiled.world.ranges)
            case SelectorKind.GROUP, SelectorKind.USER:
                return narrow.ident in groups.get(wide.name, ())
            case SelectorKind.GROUP, SelectorKind.GROUP:
                members = groups.get(narrow.name, frozenset())
                return bool(members) and groups.get(wide.name, frozenset()) >= members
            case SelectorKind.PREFIX, SelectorKind.PREFIX:
                return _inside(narrow.prefix, wide.prefix)
            case _:
                return (
                    (wide.kind is SelectorKind.ANY and narrow.kind is not SelectorKind.INTERNET)
                    or (wide.kind is SelectorKind.MEMBER and narrow.kind in _PEOPLE)
                    or (wide.kind is SelectorKind.TAGGED and narrow.kind is SelectorKind.TAG)
                )


def _whenever(earlier: Rule, later: Rule) -> bool:
    """Whether ``earlier`` is in force, and its conditions hold, whenever that is so of ``later``."""
    if earlier.schedule is not None and earlier.schedule != later.schedule:
        return False
    if not set(earlier.conditions) <= set(later.conditions):
        return False
    # What is unknown, of a schedule or a condition, holds for a denial and fails for an accept.
    always = earlier.schedule is None and not earlier.conditions
    return always or not earlier.accepts or later.accepts


def _inside(narrow: Prefix | None, wide: Prefix | None) -> bool:
    assert narrow is not None
    assert wide is not None
    return narrow.version == wide.version and narrow.prefixlen >= wide.prefixlen and narrow.network_address in wide
