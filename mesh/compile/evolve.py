"""A compiled policy that moves on: nodes come, go and change, rules are edited, schedules open and close.

Each step makes a new value that shares all but the difference with the one before, and must answer every question as
a whole compile of the same facts would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from mesh.compile.build import compile_whole, first_boundary, in_force, warnings_of
from mesh.compile.classes import Classes
from mesh.compile.classifier import Classifier, KindKey
from mesh.compile.compiled import CompiledPolicy
from mesh.compile.crowding import crowding_warnings, excess_of
from mesh.compile.editing import changed_lines, regrouped_users, touched_by
from mesh.compile.ids import id_set_type
from mesh.compile.placing import Placing
from mesh.compile.publish import carried_over, refiltered, regrouped
from mesh.compile.rows import Line, line_of
from mesh.compile.shifting import shifted
from mesh.compile.terms import Known, Terms, extended, terms_of
from mesh.compile.world import Principal, families_of
from mesh.errors import ValidationError
from mesh.policy.facts import FactsChange
from mesh.policy.groups import flatten_groups, groups_by_user
from mesh.policy.limits import MAX_CLASSES
from mesh.policy.policy import Policy, validate_policy
from mesh.policy.rules import Rule, same_rule

_IDLE = 1_024
"""How many terms and classes may be out of use, beyond as many as are in use, before a whole compile is better."""


def moved(compiled: CompiledPolicy, change: FactsChange, *, strict: bool = False) -> CompiledPolicy:
    """The compiled policy after nodes came, went or changed, or users did.

    A network may grow past the limit of policy classes: that is a warning. With ``strict`` it is ValidationError, for
    facts that an edit of the policy brings with it.
    """
    world = compiled.world.moved(change)
    coming = {node.id: node for node in change.nodes}
    excess = _tolerated(compiled, strict=strict)
    if compiled.muted or id_set_type(max(coming, default=0)) is not world.id_set is id_set_type(0):
        return compile_whole(compiled.policy, world.facts(), compiled.at, excess=excess)
    placing = Placing(compiled.classes)
    for ident in change.removed:
        if ident not in coming:
            placing.remove(ident, compiled.shape(ident))
    for node in coming.values():
        placing.place(node, compiled.shape(node.id), compiled.classifier)
    if _overflows(compiled, len(placing.keys), strict=strict):
        return compile_whole(compiled.policy, world.facts(), compiled.at, excess=excess)
    memo = carried_over(compiled, world, {*change.removed, *coming})
    after = _over(replace(compiled, world=world, memo=memo), placing.classes(world.id_set), compiled.sides.lines)
    return _warned(after) if len(placing.keys) > MAX_CLASSES else after


def at_instant(compiled: CompiledPolicy, at: datetime) -> CompiledPolicy:
    """The same policy and facts at another aware instant: only schedules decide what is in force."""
    instant = _check_instant(at)
    after = replace(
        _over(compiled, compiled.classes, in_force(compiled.lines, instant)),
        at=instant,
        next_boundary=first_boundary(compiled.lines, instant),
    )
    return _warned(after)


def with_policy(
    compiled: CompiledPolicy, policy: Policy, at: datetime | None = None, *, strict: bool = True
) -> CompiledPolicy:
    """The same facts held against another policy, edited from this one: as fast as the edit is small.

    Raises ValidationError as ``compile_policy`` does; in a network that has grown past the limit of policy classes, for
    an edit that makes yet more of them. Without ``strict`` that is a warning: for what was put in force already.
    """
    instant = compiled.at if at is None else _check_instant(at)
    validate_policy(policy, known=compiled.policy)
    same_groups = policy.groups == compiled.policy.groups
    flat = compiled.groups if same_groups else flatten_groups(policy.group_table())
    rules = [rule for rule in policy.ordered() if rule.enabled]
    known = _known_lines(compiled, policy, rules, flat)
    words = Known(policy.host_table(), frozenset(flat))
    said = [terms_of(rule, words) if line is None else line.said for rule, line in zip(rules, known, strict=True)]
    terms = extended(compiled.terms, (item for item, line in zip(said, known, strict=True) if line is None))
    excess = _tolerated(compiled, strict=strict)
    full = compiled.muted or len(compiled.classes.keys) > MAX_CLASSES
    if full or (terms is not compiled.terms and _worn(compiled, terms)):
        return compile_whole(policy, compiled.world.facts(), instant, excess=excess)
    step, classes = compiled, compiled.classes
    if terms is not compiled.terms or not same_groups:
        step, classes = _reclassified(compiled, terms, flat)
        if len(classes.keys) > MAX_CLASSES:
            return compile_whole(policy, compiled.world.facts(), instant, excess=excess)
    lines = tuple(
        line_of(rule, item, terms) if line is None else line._replace(rule=rule)
        for rule, item, line in zip(rules, said, known, strict=True)
    )
    return replace(
        _over(step, classes, in_force(lines, instant)),
        policy=policy,
        at=instant,
        lines=lines,
        next_boundary=first_boundary(lines, instant),
        warnings=warnings_of(lines, instant),
    )


def _known_lines(
    compiled: CompiledPolicy, policy: Policy, rules: Sequence[Rule], flat: Mapping[str, frozenset[int]]
) -> list[Line | None]:
    """For each of ``rules`` the line that it had before, if it still says and means the same."""
    if policy.hosts != compiled.policy.hosts or flat.keys() != compiled.groups.keys():
        return [None] * len(rules)
    before = {line.rule.id: line for line in compiled.lines}
    return [
        line if (line := before.get(rule.id)) is not None and same_rule(line.rule, rule) else None for rule in rules
    ]


def _over(compiled: CompiledPolicy, classes: Classes, lines: tuple[Line, ...]) -> CompiledPolicy:
    """The policy over ``classes``, which grew from its own, with ``lines`` in force."""
    sides, reach = shifted(compiled.sides, compiled.reach, compiled.classes, classes, lines)
    memo = compiled.memo
    if lines is not compiled.sides.lines:
        memo = refiltered(memo, changed_lines(compiled.sides.lines, lines).changed)
    return replace(compiled, classes=classes, sides=sides, reach=reach, memo=memo)


def _check_instant(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValidationError("the instant to compile for needs a time zone")
    return at.astimezone(UTC)


def _tolerated(compiled: CompiledPolicy, *, strict: bool) -> int | None:
    """How many classes beyond the limit there may be: with ``strict`` no more than there are already."""
    return excess_of(compiled.classes, MAX_CLASSES) if strict else None


def _overflows(compiled: CompiledPolicy, size: int, *, strict: bool) -> bool:
    """Whether so many classes take a whole compile: to pass over posture, to be rid of idle ones, or to be refused."""
    known = len(compiled.classes.keys)
    if size <= max(MAX_CLASSES, known):
        return False
    # Beyond the limit already, with no posture to pass over: nothing would come of it.
    grown = known > MAX_CLASSES and not compiled.classifier.conditioned
    return strict or not grown or _many_idle(compiled)


def _warned(compiled: CompiledPolicy) -> CompiledPolicy:
    crowding = crowding_warnings(compiled.classes, compiled.muted, MAX_CLASSES)
    return replace(compiled, warnings=(*warnings_of(compiled.lines, compiled.at), *crowding))


def _worn(compiled: CompiledPolicy, terms: Terms) -> bool:
    """Whether so many terms or classes are out of use that a whole compile is the better way."""
    used = {term for line in compiled.lines for term in (*line.said.sources, *line.said.destinations)}
    return len(terms.numbers) > _IDLE + 2 * len(used) or _many_idle(compiled)


def _many_idle(compiled: CompiledPolicy) -> bool:
    return sum(not ids for ids in compiled.classes.members) > _IDLE + len(compiled.classes.keys) // 2


def _reclassified(
    compiled: CompiledPolicy, terms: Terms, flat: Mapping[str, frozenset[int]]
) -> tuple[CompiledPolicy, Classes]:
    """The policy with ``terms`` and groups ``flat``, and the classes that tell apart what those do."""
    classifier = Classifier(terms, groups_by_user(flat))
    users = regrouped_users(compiled.groups, flat)
    touched = touched_by(compiled.world, compiled.terms, terms, flat, users)
    placing = Placing(compiled.classes)
    for principal in touched.principals:
        ids = [ident for ident in compiled.world.of(principal) if ident not in touched.nodes]
        _place_principal(compiled, placing, classifier, principal, ids)
    for ident in touched.nodes:
        if (node := compiled.world.nodes.get(ident)) is not None:
            placing.place(node, compiled.shape(ident), classifier)
    classes = placing.classes(compiled.world.id_set)
    memo = regrouped(compiled.memo, compiled.groups, flat)
    return replace(compiled, groups=flat, terms=terms, classifier=classifier, memo=memo), classes


def _place_principal(
    compiled: CompiledPolicy, placing: Placing, classifier: Classifier, principal: Principal, ids: list[int]
) -> None:
    """Put the nodes ``ids`` of one principal where ``classifier`` says: together, where nothing tells them apart."""
    before = compiled.classifier
    conditioned = (
        before.of_principal(principal) & before.conditioned
        or classifier.of_principal(principal) & classifier.conditioned
    )
    alike: dict[int, list[int]] = {}
    for ident in ids:
        node = compiled.world.nodes.get(ident)
        assert node is not None
        if conditioned or compiled.classes.singles.get(ident) is not None:
            placing.place(node, compiled.shape(ident), classifier)
        else:
            alike.setdefault(families_of(node), []).append(ident)
    for families, some in alike.items():
        kind = KindKey(principal, families, 0)
        if families:
            old = compiled.classes.index[before.facet_of_kind(kind)]
            placing.move_alike(some, old, classifier.facet_of_kind(kind))
