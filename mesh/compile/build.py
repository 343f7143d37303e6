"""Compiling a policy whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from mesh.compile.classes import classify
from mesh.compile.classifier import Classifier
from mesh.compile.compiled import CompiledPolicy
from mesh.compile.reach import Sides, reach_of
from mesh.compile.rows import lines_of
from mesh.compile.terms import Known, RuleTerms, Terms, extended, terms_of
from mesh.compile.world import read_facts
from mesh.errors import ValidationError
from mesh.policy.facts import NetworkFacts
from mesh.policy.groups import flatten_groups, groups_by_user
from mesh.policy.policy import Policy, validate_policy
from mesh.policy.rules import Rule
from mesh.policy.schedule import is_open, next_boundary
from mesh.policy.selectors import Selector


def compile_policy(policy: Policy, facts: NetworkFacts, at: datetime) -> CompiledPolicy:
    """Compile ``policy`` for the network in ``facts`` at the aware instant ``at``.

    Raises ValidationError, in the words of the rule at fault, for a policy that no engine may put into force; a
    selector that names nothing any more is a warning and matches nothing.
    """
    if at.tzinfo is None:
        raise ValidationError("the instant to compile for needs a time zone")
    validate_policy(policy)
    rules = tuple(rule for rule in policy.ordered() if rule.enabled)
    flat = flatten_groups(policy.group_table())
    known = Known(policy.host_table(), frozenset(flat))
    said = {rule.position: terms_of(rule, known) for rule in rules}
    terms = extended(Terms(), said.values())
    classifier = Classifier(terms, groups_by_user(flat), frozenset())
    world, kinds = read_facts(facts)
    classes = classify(world, kinds, classifier)
    lines = lines_of(in_force(rules, at), said, terms)
    sides = Sides(lines, classes)
    return CompiledPolicy(
        policy,
        at.astimezone(UTC),
        first_boundary(rules, at),
        warnings_of(rules, said, at),
        world,
        flat,
        terms,
        classifier,
        classes,
        lines,
        sides,
        reach_of(lines, sides, classes),
    )


def in_force(rules: Iterable[Rule], at: datetime) -> tuple[Rule, ...]:
    """The rules whose schedule is open at ``at``; where that cannot be told, denials hold and accepts do not."""
    return tuple(
        rule for rule in rules if (opened := is_open(rule.schedule, at)) or (opened is None and not rule.accepts)
    )


def first_boundary(rules: Iterable[Rule], after: datetime) -> datetime | None:
    """When a schedule among ``rules`` next changes a truth value, in UTC."""
    found = (next_boundary(rule.schedule, after) for rule in rules if rule.schedule is not None)
    return min((item for item in found if item is not None), default=None)


def warnings_of(rules: Iterable[Rule], said: Mapping[int, RuleTerms], at: datetime) -> tuple[str, ...]:
    """What people should know of rules that compile but do not mean what they say."""
    found: list[str] = []
    for rule in rules:
        found.extend(f"{rule.label()}: {_vanished(item)}" for item in said[rule.position].missing)
        if is_open(rule.schedule, at) is None:
            assert rule.schedule is not None
            outcome = "not in force" if rule.accepts else "in force all the time"
            found.append(f"{rule.label()}: time zone {rule.schedule.timezone} is unknown here, the rule is {outcome}")
    return tuple(found)


def _vanished(selector: Selector) -> str:
    return f"{selector} does not exist (any more) and matches nothing"
