"""Compiling a policy whole."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from mesh.compile.classes import Classes, classify
from mesh.compile.classifier import Classifier
from mesh.compile.compiled import CompiledPolicy
from mesh.compile.crowding import classify_within_limit, crowding_warnings
from mesh.compile.reach import reach_of, sides_of
from mesh.compile.rows import Line, line_of
from mesh.compile.terms import Known, Terms, extended, terms_of
from mesh.compile.world import Kinds, World, read_facts
from mesh.errors import ValidationError
from mesh.policy.facts import NetworkFacts
from mesh.policy.groups import flatten_groups, groups_by_user
from mesh.policy.limits import MAX_CLASSES
from mesh.policy.policy import Policy, validate_policy
from mesh.policy.schedule import Schedule, is_open, next_boundary
from mesh.policy.selectors import Selector


def compile_policy(policy: Policy, facts: NetworkFacts, at: datetime, *, strict: bool = True) -> CompiledPolicy:
    """Compile ``policy`` for the network in ``facts`` at the aware instant ``at``.

    Raises ValidationError, in the words of the rule at fault, for a policy that may not come into force; a selector
    that names nothing any more is a warning and matches nothing. What is in force already is compiled without
    ``strict``: that the network has grown past the limit of policy classes is a warning then.
    """
    return compile_whole(policy, facts, at, excess=0 if strict else None)


def compile_whole(policy: Policy, facts: NetworkFacts, at: datetime, *, excess: int | None) -> CompiledPolicy:
    """The same with ``excess`` policy classes beyond the limit; None for any number."""
    if at.tzinfo is None:
        raise ValidationError("the instant to compile for needs a time zone")
    validate_policy(policy)
    rules = [rule for rule in policy.ordered() if rule.enabled]
    flat = flatten_groups(policy.group_table())
    known = Known(policy.host_table(), frozenset(flat))
    said = [terms_of(rule, known) for rule in rules]
    terms = extended(Terms(), said)
    lines = tuple(line_of(rule, words, terms) for rule, words in zip(rules, said, strict=True))
    classifier = Classifier(terms, groups_by_user(flat))
    world, kinds = read_facts(facts)
    classes, muted = _classified(world, kinds, classifier, excess)
    sides = sides_of(in_force(lines, at), classes)
    return CompiledPolicy(
        policy,
        at.astimezone(UTC),
        first_boundary(lines, at),
        (*warnings_of(lines, at), *crowding_warnings(classes, muted, MAX_CLASSES)),
        world,
        flat,
        terms,
        classifier,
        muted,
        classes,
        lines,
        sides,
        reach_of(sides, classes),
    )


def _classified(
    world: World, kinds: Kinds, classifier: Classifier, excess: int | None
) -> tuple[Classes, frozenset[int]]:
    classes = classify(world, kinds, classifier)
    if len(classes.keys) <= MAX_CLASSES:
        return classes, frozenset()
    return classify_within_limit(world, kinds, classifier, excess=excess)


def in_force(lines: Iterable[Line], at: datetime) -> tuple[Line, ...]:
    """The lines whose schedule is open at ``at``; where that cannot be told, denials hold and accepts do not."""
    return tuple(
        line
        for line in lines
        if (opened := is_open(line.rule.schedule, at)) or (opened is None and not line.rule.accepts)
    )


def first_boundary(lines: Iterable[Line], after: datetime) -> datetime | None:
    """When a schedule next changes a truth value, in UTC."""
    schedules = {line.rule.schedule for line in lines if line.rule.schedule is not None}
    return min((found for item in schedules if (found := _boundary(item, after)) is not None), default=None)


@lru_cache(maxsize=4096)
def _boundary(schedule: Schedule, after: datetime) -> datetime | None:
    return next_boundary(schedule, after)


def warnings_of(lines: Iterable[Line], at: datetime) -> tuple[str, ...]:
    """What people should know of rules that compile but do not mean what they say."""
    found: list[str] = []
    for line in lines:
        rule = line.rule
        found.extend(f"{rule.label()}: {_vanished(item)}" for item in line.said.missing)
        if rule.schedule is not None and is_open(rule.schedule, at) is None:
            outcome = "not in force" if rule.accepts else "in force all the time"
            found.append(f"{rule.label()}: time zone {rule.schedule.timezone} is unknown here, the rule is {outcome}")
    return tuple(found)


def _vanished(selector: Selector) -> str:
    return f"{selector} does not exist (any more) and matches nothing"


__all__ = ["compile_policy", "compile_whole", "first_boundary", "in_force", "warnings_of"]
