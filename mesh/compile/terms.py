"""Terms: every distinct thing that the rules of a policy say of a source or of a destination, numbered.

Two addresses that match the same terms cannot be told apart by any rule; that is what makes a policy class. Numbers are
stable while terms are added, so that a rule edit renumbers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from mesh.policy.conditions import Condition, canonical_conditions
from mesh.policy.rules import Rule
from mesh.policy.selectors import ANY, INTERNET, MEMBER, SELF, TAGGED, Prefix, Selector, SelectorKind, prefix

_T = TypeVar("_T")


class SourceTerm(NamedTuple):
    """A source selector under conditions. ``denies`` says which way an unknown condition falls (False without any)."""

    selector: Selector
    conditions: tuple[Condition, ...] = ()
    denies: bool = False


DESTINATION_ANY: Final = 0
DESTINATION_MEMBER: Final = 1
DESTINATION_TAGGED: Final = 2
DESTINATION_SELF: Final = 3
DESTINATION_INTERNET: Final = 4
_FIRST_SOURCES: Final = (SourceTerm(ANY), SourceTerm(MEMBER), SourceTerm(TAGGED))
_FIRST_DESTINATIONS: Final = (ANY, MEMBER, TAGGED, SELF, INTERNET)


@dataclass(frozen=True, slots=True)
class Terms:
    """The numbered terms of both sides. Those that speak of everybody are always there, so that a rule which is the
    first to use one moves no node to another class."""

    sources: Mapping[SourceTerm, int] = field(default_factory=lambda: _numbered(_FIRST_SOURCES))
    destinations: Mapping[Selector, int] = field(default_factory=lambda: _numbered(_FIRST_DESTINATIONS))


def _numbered(items: Iterable[_T]) -> dict[_T, int]:
    return {item: number for number, item in enumerate(items)}


class RuleTerms(NamedTuple):
    """What one rule says, in terms. Selectors that name nothing (any more) have no term and match nothing."""

    sources: tuple[SourceTerm, ...]
    destinations: tuple[Selector, ...]
    missing: tuple[Selector, ...]


class Known(NamedTuple):
    """What exists, for finding selectors that name nothing any more."""

    hosts: Mapping[str, Prefix]
    groups: frozenset[str]


def terms_of(rule: Rule, known: Known) -> RuleTerms:
    """Resolve a rule's selectors: named hosts become their prefixes, what does not exist any more drops out."""
    conditions = canonical_conditions(rule.conditions)
    denies = bool(conditions) and not rule.accepts
    missing: list[Selector] = []
    sources = [
        SourceTerm(found, conditions, denies)
        for selector in rule.sources
        if (found := _resolve(selector, known, missing)) is not None
    ]
    destinations = [
        found for selector in rule.destinations if (found := _resolve(selector, known, missing)) is not None
    ]
    return RuleTerms(tuple(dict.fromkeys(sources)), tuple(dict.fromkeys(destinations)), tuple(missing))


def _resolve(selector: Selector, known: Known, missing: list[Selector]) -> Selector | None:
    if selector.kind is SelectorKind.HOST:
        network = known.hosts.get(selector.name)
        if network is not None:
            return prefix(network)
        missing.append(selector)
        return None
    if selector.kind is SelectorKind.GROUP and selector.name not in known.groups:
        missing.append(selector)
        return None
    return selector


def extended(terms: Terms, rules: Iterable[RuleTerms]) -> Terms:
    """The terms with those of ``rules`` added; ``terms`` itself where there is nothing to add."""
    sources: dict[SourceTerm, int] = {}
    destinations: dict[Selector, int] = {}
    for rule in rules:
        for source in rule.sources:
            if source not in terms.sources and source not in sources:
                sources[source] = len(terms.sources) + len(sources)
        for destination in rule.destinations:
            if destination not in terms.destinations and destination not in destinations:
                destinations[destination] = len(terms.destinations) + len(destinations)
    if not sources and not destinations:
        return terms
    return Terms({**terms.sources, **sources}, {**terms.destinations, **destinations})
