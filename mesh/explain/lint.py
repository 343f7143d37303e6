"""Lint: what is wrong with a policy that is not an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mesh.compile import CompiledPolicy
from mesh.compile.bits import members
from mesh.compile.crowding import crowding_warnings
from mesh.compile.rows import Line
from mesh.explain.shadows import Shadows
from mesh.policy.document import selectors_in
from mesh.policy.facts import Prefix
from mesh.policy.limits import MAX_CLASSES
from mesh.policy.rules import Rule
from mesh.policy.schedule import format_instant, is_open, next_boundary
from mesh.policy.selectors import Selector, SelectorKind
from mesh.policy.services import TCP, UDP


class Finding(StrEnum):
    """What kind of remark it is."""

    SHADOWED = "shadowed"
    MATCHES_NOTHING = "matches_nothing"
    VANISHED = "vanished"
    ALL_OPEN = "all_open"
    EXPIRED = "expired"
    EXPIRES_SOON = "expires_soon"
    NEVER_OPEN = "never_open"
    UNKNOWN_ZONE = "unknown_zone"
    EMPTY_GROUP = "empty_group"
    UNUSED = "unused"
    CROWDED = "crowded"


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding: about the rule at ``position`` (0: about no rule) and perhaps one of its selectors. ``by`` are the
    places of the rules because of which it is so."""

    finding: Finding
    message: str
    position: int = 0
    rule_id: int = 0
    selector: Selector | None = None
    by: tuple[int, ...] = ()


def lint(compiled: CompiledPolicy, *, soon: timedelta = timedelta(days=1)) -> tuple[Remark, ...]:
    """Everything worth a remark, by position of the rule, then about groups, hosts and the whole. Rules that expire
    within ``soon`` are remarked on before they do; disabled ones are as if absent. In a network without a node nothing
    can match, which is no fault of any rule."""
    remarks: list[Remark] = []
    shadows, hosts = Shadows(compiled), compiled.policy.host_table()
    for line in compiled.lines:
        rule = line.rule
        remarks.extend(_about_rule(compiled, line, hosts))
        remarks.extend(_about_time(rule, compiled.at, soon))
        if over := shadows.over(line):
            names = " and ".join(other.label() for other in over)
            decide = "decide" if len(over) > 1 else "decides"
            message = f"{rule.label()} can never decide: {names} {decide} all that it matches"
            by = tuple(other.position for other in over)
            remarks.append(Remark(Finding.SHADOWED, message, rule.position, rule.id, by=by))
    remarks.extend(_about_sections(compiled))
    crowding = crowding_warnings(compiled.classes, compiled.muted, MAX_CLASSES)
    remarks.extend(Remark(Finding.CROWDED, message) for message in crowding)
    return tuple(remarks)


def _remark(rule: Rule, finding: Finding, message: str, selector: Selector | None = None) -> Remark:
    return Remark(finding, message, rule.position, rule.id, selector)


def _about_rule(compiled: CompiledPolicy, line: Line, table: Mapping[str, Prefix]) -> Iterator[Remark]:
    rule = line.rule
    # Named hosts come resolved: people are told of the name that they wrote.
    hosts = {
        Selector(SelectorKind.PREFIX, prefix=table[item.name]): item
        for item in (*rule.sources, *rule.destinations)
        if item.kind is SelectorKind.HOST and item.name in table
    }
    for selector in line.said.missing:
        yield _remark(rule, Finding.VANISHED, f"{rule.label()} names {selector}, which is not there any more", selector)
    is_empty = not compiled.world.nodes
    for term in line.said.sources:
        if not is_empty and not _matches_anything(compiled, compiled.terms.of_source(term)):
            written = hosts.get(term.selector, term.selector)
            message = _nothing(rule, "source", written, under=bool(term.conditions))
            yield _remark(rule, Finding.MATCHES_NOTHING, message, written)
    for selector in line.said.destinations:
        if not is_empty and not _matches_anything(compiled, compiled.terms.numbers[selector]):
            written = hosts.get(selector, selector)
            yield _remark(rule, Finding.MATCHES_NOTHING, _nothing(rule, "destination", written), written)
    if rule.accepts and not rule.conditions and rule.schedule is None and _is_all(rule):
        yield _remark(rule, Finding.ALL_OPEN, f"{rule.label()} lets everybody reach everybody on all ports")


def _is_all(rule: Rule) -> bool:
    """Whether a rule is ``*`` -> ``*`` on all ports, or wider."""
    anybody = all(any(item.kind is SelectorKind.ANY for item in side) for side in (rule.sources, rule.destinations))
    return anybody and not rule.ports and (not rule.protocols or {TCP, UDP} <= set(rule.protocols))


def _nothing(rule: Rule, side: str, selector: Selector, *, under: bool = False) -> str:
    conditions = " under its conditions" if under else ""
    return f"{rule.label()}: the {side} {selector} matches nothing{conditions} at present"


def _matches_anything(compiled: CompiledPolicy, term: int | None) -> bool:
    if term is None:
        return False
    classes = compiled.classes
    return any(classes.members[number] for number in members(classes.matching(1 << term)))


def _about_time(rule: Rule, at: datetime, soon: timedelta) -> Iterator[Remark]:
    schedule = rule.schedule
    if schedule is None:
        return
    if schedule.expires_at is not None and schedule.expires_at <= at:
        when = format_instant(schedule.expires_at)
        yield _remark(rule, Finding.EXPIRED, f"{rule.label()} expired at {when} and decides nothing any more")
        return
    if schedule.expires_at is not None and schedule.expires_at <= at + soon:
        yield _remark(rule, Finding.EXPIRES_SOON, f"{rule.label()} expires at {format_instant(schedule.expires_at)}")
    opened = is_open(schedule, at)
    if opened is None:
        outcome = "it is not in force" if rule.accepts else "it is in force all the time"
        message = f"{rule.label()}: the time zone {schedule.timezone} is unknown here, so {outcome}"
        yield _remark(rule, Finding.UNKNOWN_ZONE, message)
    elif not opened and next_boundary(schedule, at) is None:
        yield _remark(rule, Finding.NEVER_OPEN, f"{rule.label()} is never in force: its window does not come any more")


def _about_sections(compiled: CompiledPolicy) -> Iterator[Remark]:
    policy = compiled.policy
    used = selectors_in(policy)
    for group in policy.groups:
        selector = Selector(SelectorKind.GROUP, name=group.name)
        if not compiled.groups.get(group.name):
            yield Remark(Finding.EMPTY_GROUP, f"group:{group.name} has no members", selector=selector)
        if selector not in used:
            yield Remark(Finding.UNUSED, f"group:{group.name} is named nowhere", selector=selector)
    for host in policy.hosts:
        selector = Selector(SelectorKind.HOST, name=host.name)
        if selector not in used:
            yield Remark(Finding.UNUSED, f"host:{host.name} is named nowhere", selector=selector)
