"""``manage.py rule``: the policy's rules; the first that matches decides."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from django.utils import timezone as clock

from acl.models import AclRule
from acl.services.rules import create_rule, delete_rule, move_rule, update_rule
from coordinator.cli.command import NounCommand
from coordinator.cli.conditions import read_conditions, read_schedule
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.noun import Noun
from coordinator.cli.objections import OverrideOption, naming_override
from coordinator.cli.options import CommentOption, ForceOption, NetworkOption, act
from coordinator.cli.references import rule_named
from coordinator.cli.results import Card, Done, Listing
from coordinator.cli.rule_options import (
    ActionOption,
    DaysOption,
    EnabledOption,
    FromOption,
    HoursOption,
    NameOption,
    NotBeforeOption,
    PortOption,
    ProtocolOption,
    RequireOption,
    RuleArgument,
    ToOption,
    UntilOption,
    ZoneOption,
)
from coordinator.cli.rules import rule_card, rule_columns, rule_shape, rule_values, sentence
from coordinator.cli.terminal import confirm
from nodes.selectors import get_network

noun = Noun("rule", "The policy's rules. The first that matches decides; what no rule accepts is denied.")


@noun.verb("list", "ls")
def list_rules(network: NetworkOption = None) -> Listing:
    """List the rules in their order."""
    rules = AclRule.objects.filter(network=get_network(network)).order_by("position")
    values = rule_values(list(rules), clock.now())
    return Listing(values, rule_columns(values), "There are no rules: everything is denied.", shape=rule_shape)


@noun.verb("show", "get")
def show(rule: RuleArgument, network: NetworkOption = None) -> Card:
    """Show a rule."""
    return rule_card(_value(rule_named(get_network(network), rule)), clock.now())


@noun.verb("create", "c", "new")
def create(
    *,
    sources: FromOption = None,
    destinations: ToOption = None,
    action: ActionOption = "accept",
    protocols: ProtocolOption = None,
    ports: PortOption = None,
    days: DaysOption = None,
    hours: HoursOption = None,
    timezone: ZoneOption = None,
    not_before: NotBeforeOption = None,
    until: UntilOption = None,
    require: RequireOption = None,
    name: NameOption = None,
    comment: CommentOption = None,
    enabled: EnabledOption = True,
    position: Annotated[
        int | None, typer.Option("--position", min=1, metavar="NUMBER", help="1 is the first. Without it the last.")
    ] = None,
    network: NetworkOption = None,
    override: OverrideOption = False,
) -> Done:
    """Add a rule. It is in force at once."""
    if not sources or not destinations:
        raise WrongUsageError("Give at least one --from and one --to.")
    fields = _given(
        sources=sources,
        destinations=destinations,
        action=action,
        protocols=_unless(protocols, "any"),
        ports=_unless(ports, "*"),
        schedule=_schedule({}, days, hours, timezone, not_before, until),
        conditions=None if require is None else read_conditions(require),
        name=name,
        comment=comment,
        enabled=enabled,
    )
    with naming_override():
        within = get_network(network)
        made = create_rule(network_id=within.pk, fields=fields, position=position, forced=override, **act())
    value = _value_of(made.pk)
    state = "is in force" if value["state"] == "on" else f"stands, {value['state']},"
    text = f"Rule {made.pk} {state} at position {value['position']}: {sentence(value)}."
    return Done(text, value, shape=rule_shape)


@noun.verb("update", "set")
def update(
    *,
    rule: RuleArgument,
    sources: FromOption = None,
    destinations: ToOption = None,
    action: ActionOption = None,
    protocols: ProtocolOption = None,
    ports: PortOption = None,
    days: DaysOption = None,
    hours: HoursOption = None,
    timezone: ZoneOption = None,
    not_before: NotBeforeOption = None,
    until: UntilOption = None,
    require: RequireOption = None,
    name: NameOption = None,
    comment: CommentOption = None,
    enabled: EnabledOption = None,
    network: NetworkOption = None,
    force: ForceOption = False,
    override: OverrideOption = False,
) -> Done:
    """Change a rule. A repeatable option replaces the whole list."""
    found = rule_named(get_network(network), rule)
    before = _value(found)
    fields = _given(
        sources=sources,
        destinations=destinations,
        action=action,
        protocols=_unless(protocols, "any"),
        ports=_unless(ports, "*"),
        schedule=_schedule(before["schedule"] or {}, days, hours, timezone, not_before, until),
        conditions=None if require is None else read_conditions(require),
        name=name,
        comment=comment,
        enabled=enabled,
    )
    if not fields:
        raise WrongUsageError("Say what to change.")
    if set(fields) - {"name", "comment"}:
        lines = [f"It says now: {sentence(before)}.", "Connections that are no longer allowed are cut."]
        confirm(f"Change rule {found.pk}?", losses=lines, force=force)
    with naming_override():
        update_rule(rule_id=found.pk, fields=fields, forced=override, **act())
    value = _value_of(found.pk)
    return Done(f"Rule {found.pk} is changed: {sentence(value)}.", value, shape=rule_shape)


@noun.verb("move", "mv")
def move(
    *,
    rule: RuleArgument,
    position: Annotated[int, typer.Argument(min=1, metavar="POSITION", help="1 is the first.")],
    network: NetworkOption = None,
    force: ForceOption = False,
    override: OverrideOption = False,
) -> Done:
    """Put a rule at another position."""
    found = rule_named(get_network(network), rule)
    if found.position != position:
        lines = ["The first rule that matches decides: what it and the rules between decide may turn."]
        confirm(f"Move rule {found.pk} from position {found.position} to {position}?", losses=lines, force=force)
    with naming_override():
        after = move_rule(rule_id=found.pk, position=position, forced=override, **act())
    return Done(f"Rule {found.pk} is at position {after.position}.", _value_of(found.pk), shape=rule_shape)


@noun.verb("delete", "rm", "remove")
def delete(
    rule: RuleArgument, network: NetworkOption = None, force: ForceOption = False, override: OverrideOption = False
) -> Done:
    """Remove a rule. What only it accepts is cut; what only it denies is open."""
    found = rule_named(get_network(network), rule)
    value = _value(found)
    cut = "What only it accepts is cut." if found.action == AclRule.Action.ACCEPT else "What only it denies is open."
    confirm(f"Delete rule {found.pk}?", losses=[f"It says: {sentence(value)}.", cut], force=force)
    with naming_override():
        delete_rule(rule_id=found.pk, forced=override, **act())
    deleted = {"id": value["id"], "name": value["name"], "deleted": True}
    return Done(f"Rule {value['id']} is deleted.", deleted)


def _value(rule: AclRule) -> dict[str, Any]:
    [value] = rule_values([rule], clock.now())
    return value


def _value_of(rule_id: int) -> dict[str, Any]:
    return _value(AclRule.objects.get(pk=rule_id))


def _given(**fields: Any) -> dict[str, Any]:
    """What was given, as the service takes it."""
    return {name: value for name, value in fields.items() if value is not None}


def _unless(given: list[str] | None, word: str) -> list[str] | None:
    """``word`` alone stands for the empty list."""
    return [] if given == [word] else given


def _schedule(present: dict[str, Any], *given: str | None) -> dict[str, Any] | None:
    """The schedule with what is given of days, hours, time zone, beginning and end; None where nothing is."""
    if all(part is None for part in given):
        return None
    days, hours, zone, not_before, until = given
    return read_schedule(
        present, days=days, hours=hours, timezone=zone, not_before=not_before, until=until, now=clock.now()
    )


class Command(NounCommand):
    """The management command."""

    noun = noun
