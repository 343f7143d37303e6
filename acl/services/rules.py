"""Rules: write, move, delete. A rule is in force when its transaction commits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Max

from acl.models import AclRule
from acl.selectors import known_names, rule_value
from acl.services.policy import activate_policy
from mesh.change import Cause
from mesh.errors import FieldError, NotFoundError, ValidationError
from mesh.policy import check_rule, format_stored, parse_ports, parse_protocol, parse_selectors
from nodes.changes import lock_network
from nodes.models import Network

FIELDS: Final = ("name", "action", "sources", "destinations", "protocols", "ports", "enabled", "comment")
# Positions are moved out of the way in one statement: the unique constraint holds between any two rows.
_ASIDE: Final = 1_000_000


@transaction.atomic
def create_rule(
    *, network_id: int, fields: Mapping[str, Any], cause: Cause, now: datetime, position: int | None = None
) -> AclRule:
    """Adds a rule, at the end or at ``position`` (1 = first).

    ``fields``: name, action, sources and destinations as people write selectors (``user:ana``, ``tag:db``),
    protocols (names or numbers), ports (``"22"``, ``"8000-8999"``), enabled, comment. Raises ValidationError with
    the member at fault, such as ``sources.1``.
    """
    network = lock_network(network_id)
    last = AclRule.objects.filter(network=network).aggregate(last=Max("position"))["last"] or 0
    rule = AclRule(network=network, position=last + 1)
    _write(network, rule, fields)
    rule.save(force_insert=True)
    if position is not None:
        _place(network, rule, position)
    activate_policy(network=network, cause=cause, now=now)
    return rule


@transaction.atomic
def update_rule(*, rule_id: int, fields: Mapping[str, Any], cause: Cause, now: datetime) -> AclRule:
    """Changes what ``fields`` gives of a rule. Raises NotFoundError, ValidationError."""
    network, rule = _lock(rule_id)
    before = _content(rule)
    _write(network, rule, fields)
    if _content(rule) != before:
        rule.save()
        activate_policy(network=network, cause=cause, now=now)
    return rule


@transaction.atomic
def move_rule(*, rule_id: int, position: int, cause: Cause, now: datetime) -> AclRule:
    """Puts a rule at ``position`` (1 = first; beyond the end = last). Raises NotFoundError."""
    network, rule = _lock(rule_id)
    if _place(network, rule, position):
        activate_policy(network=network, cause=cause, now=now)
    return rule


@transaction.atomic
def delete_rule(*, rule_id: int, cause: Cause, now: datetime) -> None:
    """Removes a rule. Raises NotFoundError."""
    network, rule = _lock(rule_id)
    rule.delete()
    activate_policy(network=network, cause=cause, now=now)


def own_devices_rule(*, network: Network) -> None:
    """Gives a new network its one rule: everyone reaches their own devices. Everything else is denied."""
    AclRule.objects.create(
        network=network,
        position=1,
        name="own devices",
        action=AclRule.Action.ACCEPT,
        sources=["autogroup:member"],
        destinations=["autogroup:self"],
    )


def _lock(rule_id: int) -> tuple[Network, AclRule]:
    network_id = AclRule.objects.filter(pk=rule_id).values_list("network_id", flat=True).first()
    if network_id is None:
        raise NotFoundError(f"There is no rule {rule_id}.")
    network = lock_network(network_id)
    rule = AclRule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise NotFoundError(f"There is no rule {rule_id}.")
    return network, rule


def _place(network: Network, rule: AclRule, position: int) -> bool:
    """Numbers the rules 1, 2, 3, ... with ``rule`` at ``position``; returns whether the order changed."""
    rules = list(AclRule.objects.filter(network=network).exclude(pk=rule.pk).order_by("position"))
    before = rule.position
    index = min(max(position, 1), len(rules) + 1) - 1
    rules.insert(index, rule)
    wanted = {item.pk: number for number, item in enumerate(rules, start=1)}
    moved = {item.pk: item for item in rules if item.position != wanted[item.pk]}
    if moved:
        AclRule.objects.filter(pk__in=moved).update(position=F("position") + _ASIDE)
        for pk in moved:
            AclRule.objects.filter(pk=pk).update(position=wanted[pk])
    rule.position = wanted[rule.pk]
    return rule.position != before


def _write(network: Network, rule: AclRule, fields: Mapping[str, Any]) -> None:
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
    names = known_names(network.pk) if {"sources", "destinations"} & set(fields) else None
    for side in ("sources", "destinations"):
        if side in fields and names is not None:
            try:
                parsed = parse_selectors(fields[side], names, field_name=side)
                setattr(rule, side, [format_stored(item) for item in parsed])
            except ValidationError as error:
                errors.extend(error.errors)
        elif getattr(rule, side) is None:
            errors.append(FieldError(side, "at least one selector is needed"))
    errors.extend(_write_services(rule, fields))
    if not errors:
        errors.extend(check_rule(rule_value(rule)))
    if errors:
        raise ValidationError(errors[0].message, errors=tuple(errors))


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
        try:
            ports = parse_ports(",".join(str(item) for item in fields["ports"])) if fields["ports"] else ()
            rule.ports = [[item.first, item.last] for item in ports]
        except ValidationError as error:
            errors.append(FieldError("ports", error.detail))
    return errors


def _content(rule: AclRule) -> tuple[object, ...]:
    return tuple(getattr(rule, name) for name in FIELDS)
