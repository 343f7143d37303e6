"""Terms: every distinct thing that the rules of a policy say of an address, numbered.

A term is a selector, or a source selector under conditions. Two addresses that match the same terms cannot be told
apart by any rule; that is what makes a policy class. Numbers are stable while terms are added, so that a rule edit
renumbers nothing, and a selector has one number on both sides, so that a second use of it splits no class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from mesh.policy.conditions import Condition, canonical_conditions
from mesh.policy.rules import Rule
from mesh.policy.selectors import ANY, INTERNET, MEMBER, SELF, TAGGED, Prefix, Selector, SelectorKind, prefix


class SourceTerm(NamedTuple):
    """A source selector under conditions. ``denies`` says which way an unknown condition falls (False without any)."""

    selector: Selector
    conditions: tuple[Condition, ...] = ()
    denies: bool = False


Term: TypeAlias = Selector | SourceTerm
_FIRST: Final[tuple[Term, ...]] = (ANY, MEMBER, TAGGED, SELF, INTERNET)
MEMBER_BIT: Final = 1 << 1
TAGGED_BIT: Final = 1 << 2
SELF_BIT: Final = 1 << 3
INTERNET_BIT: Final = 1 << 4


@dataclass(frozen=True, slots=True)
class Terms:
    """The numbered terms. Those that are about everybody are always there, so that a rule which is the first to use one
    moves no node to another class."""

    numbers: Mapping[Term, int] = field(default_factory=lambda: {term: number for number, term in enumerate(_FIRST)})

    def of_source(self, term: SourceTerm) -> int | None:
        """The number of what a rule says of sources; None for what no rule here says."""
        return self.numbers.get(term if term.conditions else term.selector)


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
    fresh: dict[Term, int] = {}
    for rule in rules:
        for term in (*(item if item.conditions else item.selector for item in rule.sources), *rule.destinations):
            if term not in terms.numbers and term not in fresh:
                fresh[term] = len(terms.numbers) + len(fresh)
    return Terms({**terms.numbers, **fresh}) if fresh else terms
