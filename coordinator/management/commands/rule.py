"""``manage.py rule``: the policy's rules; the first that matches decides."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from acl.models import AclRule
from acl.services.rules import create_rule, delete_rule, move_rule, update_rule
from coordinator.cli.command import NounCommand
from coordinator.cli.noun import Noun
from coordinator.cli.options import CommentOption, ForceOption, NetworkOption, act
from coordinator.cli.references import rule_named
from coordinator.cli.results import Card, Done, Listing
from coordinator.cli.rules import RULE_COLUMNS, rule_card, rule_values, sentence
from coordinator.cli.terminal import confirm
from nodes.selectors import get_network

noun = Noun("rule", "The policy's rules. The first that matches decides; what no rule accepts is denied.")

RuleArgument = Annotated[str, typer.Argument(metavar="RULE", help="A rule by id or name.")]
ActionOption = Annotated[str | None, typer.Option("--action", metavar="ACTION", help="accept or deny.")]
FromOption = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        "--source",
        "--src",
        metavar="SELECTOR",
        help="Who: *, user:ana, group:ops, tag:web, node:db, host:name, an address, a CIDR, autogroup:member or "
        "autogroup:tagged. Repeatable.",
    ),
]
ToOption = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        "--destination",
        "--dst",
        metavar="SELECTOR",
        help="Whom they reach: the same, autogroup:self or autogroup:internet. Repeatable.",
    ),
]
ProtocolOption = Annotated[
    list[str] | None,
    typer.Option(
        "--protocol",
        "--proto",
        metavar="NAME",
        help="tcp, udp, icmp, ... or a number. Repeatable. Without it tcp, udp and ping; any gives that back.",
    ),
]
PortOption = Annotated[
    list[str] | None,
    typer.Option("--port", metavar="PORT", help="22 or 8000-8999. Repeatable. Without it any port, as with *."),
]
NameOption = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What the rule is called.")]
EnabledOption = Annotated[bool | None, typer.Option("--enable/--disable", help="A disabled rule is as if absent.")]


@noun.verb("list", "ls")
def list_rules(network: NetworkOption = None) -> Listing:
    """List the rules in their order."""
    rules = AclRule.objects.filter(network=get_network(network)).order_by("position")
    return Listing(rule_values(list(rules)), RULE_COLUMNS, "There are no rules: everything is denied.")


@noun.verb("show", "get")
def show(rule: RuleArgument, network: NetworkOption = None) -> Card:
    """Show a rule."""
    [value] = rule_values([rule_named(get_network(network), rule)])
    return rule_card(value)


@noun.verb("create", "c", "new")
def create(
    *,
    sources: FromOption = None,
    destinations: ToOption = None,
    action: ActionOption = "accept",
    protocols: ProtocolOption = None,
    ports: PortOption = None,
    name: NameOption = None,
    comment: CommentOption = None,
    enabled: EnabledOption = True,
    position: Annotated[
        int | None, typer.Option("--position", min=1, metavar="NUMBER", help="1 is the first. Without it the last.")
    ] = None,
    network: NetworkOption = None,
) -> Done:
    """Add a rule. It is in force at once."""
    if not sources or not destinations:
        raise typer.BadParameter("Give at least one --from and one --to.")
    fields = _fields(
        sources=sources,
        destinations=destinations,
        action=action,
        protocols=protocols,
        ports=ports,
        name=name,
        comment=comment,
        enabled=enabled,
    )
    rule = create_rule(network_id=get_network(network).pk, fields=fields, position=position, **act())
    value = _value_of(rule.pk)
    return Done(f"Rule {rule.pk} is in force at position {value['position']}: {sentence(value)}.", value)


@noun.verb("update", "set")
def update(
    *,
    rule: RuleArgument,
    sources: FromOption = None,
    destinations: ToOption = None,
    action: ActionOption = None,
    protocols: ProtocolOption = None,
    ports: PortOption = None,
    name: NameOption = None,
    comment: CommentOption = None,
    enabled: EnabledOption = None,
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Done:
    """Change a rule. A repeatable option replaces the whole list."""
    fields = _fields(
        sources=sources,
        destinations=destinations,
        action=action,
        protocols=protocols,
        ports=ports,
        name=name,
        comment=comment,
        enabled=enabled,
    )
    if not fields:
        raise typer.BadParameter("Say what to change.")
    found = rule_named(get_network(network), rule)
    if set(fields) - {"name", "comment"}:
        [before] = rule_values([found])
        lines = [f"It says now: {sentence(before)}.", "Connections that it no longer allows are cut."]
        confirm(f"Change rule {found.pk}?", losses=lines, force=force)
    update_rule(rule_id=found.pk, fields=fields, **act())
    value = _value_of(found.pk)
    return Done(f"Rule {found.pk} is changed: {sentence(value)}.", value)


@noun.verb("move", "mv")
def move(
    rule: RuleArgument,
    position: Annotated[int, typer.Argument(min=1, metavar="POSITION", help="1 is the first.")],
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Done:
    """Put a rule at another position."""
    found = rule_named(get_network(network), rule)
    if found.position != position:
        lines = ["The first rule that matches decides: what it said before or after others may turn."]
        confirm(f"Move rule {found.pk} from position {found.position} to {position}?", losses=lines, force=force)
    after = move_rule(rule_id=found.pk, position=position, **act())
    return Done(f"Rule {found.pk} is at position {after.position}.", _value_of(found.pk))


@noun.verb("delete", "rm", "remove")
def delete(rule: RuleArgument, network: NetworkOption = None, force: ForceOption = False) -> Done:
    """Remove a rule. What it accepted is cut, unless another rule accepts it."""
    found = rule_named(get_network(network), rule)
    [value] = rule_values([found])
    cut = "What only it accepts is cut." if found.action == AclRule.Action.ACCEPT else "What only it denies is open."
    confirm(f"Delete rule {found.pk}?", losses=[f"It says: {sentence(value)}.", cut], force=force)
    ident = found.pk
    delete_rule(rule_id=ident, **act())
    return Done(f"Rule {ident} is deleted.", {"id": ident, "name": value["name"], "deleted": True})


def _value_of(rule_id: int) -> dict[str, Any]:
    [value] = rule_values([AclRule.objects.get(pk=rule_id)])
    return value


def _fields(
    *,
    sources: list[str] | None,
    destinations: list[str] | None,
    action: str | None,
    protocols: list[str] | None,
    ports: list[str] | None,
    name: str | None,
    comment: str | None,
    enabled: bool | None,
) -> dict[str, Any]:
    """What was given, as the service takes it."""
    given = {
        "sources": sources,
        "destinations": destinations,
        "action": action,
        "protocols": [] if protocols == ["any"] else protocols,
        "ports": [] if ports == ["*"] else ports,
        "name": name,
        "comment": comment,
        "enabled": enabled,
    }
    return {key: value for key, value in given.items() if value is not None}


class Command(NounCommand):
    """The management command."""

    noun = noun
