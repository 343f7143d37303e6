"""Rules: write, move, delete. A rule is in force when its transaction commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from acl.models import AclRule
from acl.services.order import place_rule, renumber_rules, write_order
from acl.services.policy import activate_policy, check_version, first_version
from acl.services.rule_fields import FIELDS, content_of, write_fields
from mesh.change import Cause
from mesh.errors import ConflictError, NotFoundError
from nodes.changes import lock_network
from nodes.models import Network

__all__ = ["FIELDS", "create_rule", "delete_rule", "move_rule", "own_devices_rule", "reorder_rules", "update_rule"]


@transaction.atomic
def create_rule(
    *,
    network_id: int,
    fields: Mapping[str, Any],
    cause: Cause,
    now: datetime,
    position: int | None = None,
    forced: bool = False,
    expected_version: int | None = None,
) -> AclRule:
    """Adds a rule, at the end or at ``position`` (1 = first).

    ``fields``: name, action, sources and destinations as people write selectors (``user:ana``, ``tag:db``),
    protocols (names or numbers), ports (``"22"``, ``"8000-8999"``), schedule (weekdays, start, end, timezone,
    not_before, expires_at), conditions, enabled, comment. ``forced`` overrides objections; ``expected_version``: of the
    policy, as the caller knows it.

    Raises ValidationError with the member at fault, such as ``sources.1``; ConflictError for objections to the policy
    that would come of it, or another version.
    """
    network = lock_network(network_id)
    check_version(network=network, expected=expected_version)
    last = AclRule.objects.filter(network=network).aggregate(last=Max("position"))["last"] or 0
    rule = AclRule(network=network, position=last + 1)
    write_fields(network=network, rule=rule, fields=fields, now=now)
    rule.save(force_insert=True)
    if position is not None:
        place_rule(network=network, rule=rule, position=position)
    activate_policy(network=network, cause=cause, now=now, forced=forced)
    return rule


@transaction.atomic
def update_rule(
    *,
    rule_id: int,
    fields: Mapping[str, Any],
    cause: Cause,
    now: datetime,
    forced: bool = False,
    expected_version: int | None = None,
) -> AclRule:
    """Changes what ``fields`` gives of a rule. Raises NotFoundError, ValidationError, ConflictError as above."""
    network, rule = _lock(rule_id)
    check_version(network=network, expected=expected_version)
    before = content_of(rule)
    write_fields(network=network, rule=rule, fields=fields, now=now)
    if content_of(rule) != before:
        rule.save()
        activate_policy(network=network, cause=cause, now=now, forced=forced)
    return rule


@transaction.atomic
def move_rule(
    *,
    rule_id: int,
    position: int,
    cause: Cause,
    now: datetime,
    forced: bool = False,
    expected_version: int | None = None,
) -> AclRule:
    """Puts a rule at ``position`` (1 = first; beyond the end = last). Raises NotFoundError, ConflictError."""
    network, rule = _lock(rule_id)
    check_version(network=network, expected=expected_version)
    if place_rule(network=network, rule=rule, position=position):
        activate_policy(network=network, cause=cause, now=now, forced=forced)
    return rule


@transaction.atomic
def reorder_rules(
    *,
    network_id: int,
    rule_ids: Sequence[int],
    cause: Cause,
    now: datetime,
    forced: bool = False,
    expected_version: int | None = None,
) -> None:
    """Puts all rules of a network in the order of ``rule_ids``.

    Raises ConflictError if these are not exactly the network's rules: someone added or removed one meanwhile.
    """
    network = lock_network(network_id)
    check_version(network=network, expected=expected_version)
    rules = {rule.pk: rule for rule in AclRule.objects.filter(network=network)}
    if len(rule_ids) != len(rules) or set(rule_ids) != set(rules):
        raise ConflictError("The order must name each rule of the network once.")
    if write_order([rules[rule_id] for rule_id in rule_ids]):
        activate_policy(network=network, cause=cause, now=now, forced=forced)


@transaction.atomic
def delete_rule(
    *, rule_id: int, cause: Cause, now: datetime, forced: bool = False, expected_version: int | None = None
) -> None:
    """Removes a rule. Raises NotFoundError, ConflictError."""
    network, rule = _lock(rule_id)
    check_version(network=network, expected=expected_version)
    rule.delete()
    renumber_rules(network=network)
    activate_policy(network=network, cause=cause, now=now, forced=forced)


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
    first_version(network=network, cause=Cause.system("configuration"), now=network.created_at)


def _lock(rule_id: int) -> tuple[Network, AclRule]:
    network_id = AclRule.objects.filter(pk=rule_id).values_list("network_id", flat=True).first()
    if network_id is None:
        raise NotFoundError(f"There is no rule {rule_id}.")
    network = lock_network(network_id)
    rule = AclRule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise NotFoundError(f"There is no rule {rule_id}.")
    return network, rule
