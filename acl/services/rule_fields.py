"""The members of a rule, as people write them, on the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from acl.models import AclRule
from acl.selectors import known_names, rule_value
from mesh.errors import FieldError, ValidationError
from mesh.policy import (
    Names,
    Rule,
    Schedule,
    check_rule,
    conditions_from_json,
    format_stored,
    parse_ports,
    parse_protocol,
    parse_selectors,
    parse_stored,
    schedule_from_json,
    schedule_to_json,
)
from mesh.policy.conditions import condition_to_json
from mesh.policy.document import with_missing
from mesh.policy.schedule import format_instant
from nodes.models import Network

FIELDS: Final = (
    "name",
    "action",
    "sources",
    "destinations",
    "protocols",
    "ports",
    "schedule",
    "conditions",
    "enabled",
    "comment",
)
_COLUMNS: Final = (*FIELDS, "not_before", "expires_at")
_WINDOW: Final = frozenset({"weekdays", "start", "end", "timezone"})


def write_fields(
    *, network: Network, rule: AclRule, fields: Mapping[str, Any], now: datetime, names: Names | None = None
) -> None:
    """Puts ``fields`` on ``rule`` without saving it. ``names`` is what exists in the network, for who writes several.

    Raises ValidationError naming every member at fault.
    """
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise ValidationError(
            "The rule is refused.", errors=tuple(FieldError(name, "No such member.") for name in unknown)
        )
    errors: list[FieldError] = []
    for name in ("name", "comment", "enabled", "action"):
        if name in fields:
            setattr(rule, name, fields[name])
    if rule.action not in AclRule.Action.values:
        errors.append(FieldError("action", "accept or deny"))
    errors.extend(_write_selectors(network, rule, fields, names))
    errors.extend(_write_services(rule, fields))
    errors.extend(_write_time(rule, fields))
    if not errors:
        errors.extend(check_rule(rule_value(rule)))
    errors.extend(_check_stored(rule, now))
    if errors:
        raise ValidationError(errors[0].message, errors=tuple(errors))


def put_rule(row: AclRule, rule: Rule) -> None:
    """Puts a whole rule, bound already, on a row without saving it; its position and its network are the caller's."""
    row.name, row.comment, row.enabled = rule.name, rule.comment, rule.enabled
    row.action = AclRule.Action(rule.action.value)
    row.sources = [format_stored(item) for item in rule.sources]
    row.destinations = [format_stored(item) for item in rule.destinations]
    row.protocols = list(rule.protocols)
    row.ports = [[item.first, item.last] for item in rule.ports]
    row.conditions = [condition_to_json(item) for item in rule.conditions]
    put_schedule(row, rule.schedule)


def put_schedule(row: AclRule, schedule: Schedule | None) -> None:
    """Puts a schedule on a row: its window in one column, its instants in theirs."""
    said = {} if schedule is None else schedule_to_json(schedule)
    row.schedule = {name: value for name, value in said.items() if name in _WINDOW}
    row.not_before = None if schedule is None else schedule.not_before
    row.expires_at = None if schedule is None else schedule.expires_at


def content_of(rule: AclRule) -> tuple[object, ...]:
    """Everything that a rule says, for telling whether it changed."""
    return tuple(getattr(rule, name) for name in _COLUMNS)


def _write_selectors(
    network: Network, rule: AclRule, fields: Mapping[str, Any], names: Names | None
) -> list[FieldError]:
    errors: list[FieldError] = []
    known = _names_for(network, rule, names) if {"sources", "destinations"} & set(fields) else None
    for side in ("sources", "destinations"):
        if side in fields and known is not None:
            try:
                parsed = parse_selectors(fields[side], known, field_name=side)
                setattr(rule, side, [format_stored(item) for item in parsed])
            except ValidationError as error:
                errors.extend(error.errors)
        elif getattr(rule, side) is None:
            errors.append(FieldError(side, "at least one selector is needed"))
    return errors


def _names_for(network: Network, rule: AclRule, names: Names | None) -> Names:
    """What exists, and what the rule names already though it is gone: whoever edits the rest may leave it there."""
    stored = () if rule.pk is None else (*rule.sources, *rule.destinations)
    return with_missing(names or known_names(network.pk), map(parse_stored, stored))


def _write_services(rule: AclRule, fields: Mapping[str, Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    protocols: set[int] = set()
    for index, text in enumerate(fields.get("protocols", ())):
        try:
            protocols.add(parse_protocol(text))
        except ValidationError as error:
            errors.append(FieldError(f"protocols.{index}", error.detail))
    if "protocols" in fields:
        rule.protocols = sorted(protocols)
    if "ports" in fields:
        errors.extend(_write_ports(rule, fields["ports"]))
    return errors


def _write_ports(rule: AclRule, texts: Sequence[Any]) -> list[FieldError]:
    try:
        ports = parse_ports(",".join(str(item) for item in texts)) if texts else ()
    except ValidationError as error:
        return [FieldError("ports", error.detail)]
    rule.ports = [[item.first, item.last] for item in ports]
    return []


def _write_time(rule: AclRule, fields: Mapping[str, Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    if "schedule" in fields:
        try:
            put_schedule(rule, schedule_from_json(fields["schedule"]))
        except ValidationError as error:
            errors.append(FieldError("schedule", error.detail))
    if "conditions" in fields:
        try:
            conditions = conditions_from_json(fields["conditions"])
            rule.conditions = [condition_to_json(item) for item in conditions]
        except ValidationError as error:
            errors.extend(error.errors or (FieldError("conditions", error.detail),))
    return errors


def _check_stored(rule: AclRule, now: datetime) -> list[FieldError]:
    errors = []
    if rule.enabled and rule.expires_at is not None and rule.expires_at <= now:
        ended = format_instant(rule.expires_at)
        errors.append(FieldError("schedule", f"The time of the rule was over at {ended}: give it another end."))
    return errors
