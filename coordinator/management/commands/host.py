"""``manage.py host``: names for addresses and CIDRs, for the policy."""

from __future__ import annotations

from typing import Annotated

import typer

from acl.models import Host
from acl.services.hosts import delete_host, save_host
from coordinator.cli.command import NounCommand
from coordinator.cli.noun import Noun
from coordinator.cli.objections import OverrideOption, naming_override
from coordinator.cli.options import CommentOption, ForceOption, NetworkOption, act
from coordinator.cli.references import host_named
from coordinator.cli.results import Card, Done, Listing
from coordinator.cli.rules import HOST_COLUMNS, host_value
from coordinator.cli.terminal import confirm
from nodes.selectors import get_network

noun = Noun("host", "Names for addresses and CIDRs that rules may use.")

HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="A named host by name or id.")]


@noun.verb("list", "ls")
def list_hosts(network: NetworkOption = None) -> Listing:
    """List named hosts."""
    rows = Host.objects.filter(network=get_network(network))
    return Listing([host_value(row) for row in rows], HOST_COLUMNS, "There are no named hosts yet.")


@noun.verb("show", "get")
def show(host: HostArgument, network: NetworkOption = None) -> Card:
    """Show a named host."""
    value = host_value(host_named(get_network(network), host))
    fields = [
        ("Id", str(value["id"])),
        ("Name", f"host:{value['name']}"),
        ("Stands for", value["prefix"]),
        ("Comment", value["comment"] or "-"),
    ]
    return Card(value, fields)


@noun.verb("create", "c", "new")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as printer.")],
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="An address or a CIDR.")],
    comment: CommentOption = None,
    network: NetworkOption = None,
    override: OverrideOption = False,
) -> Done:
    """Name an address or a CIDR."""
    within = get_network(network)
    with naming_override():
        host = save_host(
            network_id=within.pk, name=name, prefix=prefix, comment=comment or "", forced=override, **act()
        )
    return Done(f"{host} stands for {host.prefix}.", host_value(host))


@noun.verb("update", "set")
def update(
    *,
    host: HostArgument,
    prefix: Annotated[str | None, typer.Option("--prefix", metavar="PREFIX", help="An address or a CIDR.")] = None,
    comment: CommentOption = None,
    network: NetworkOption = None,
    force: ForceOption = False,
    override: OverrideOption = False,
) -> Done:
    """Change what a named host stands for, or its remark."""
    if prefix is None and comment is None:
        raise typer.BadParameter("Say what to change: --prefix or --comment.")
    within = get_network(network)
    found = host_named(within, host)
    if prefix is not None and prefix != found.prefix:
        lines = [f"Rules that name it no longer speak of {found.prefix}."]
        confirm(f"Let {found} stand for {prefix}?", losses=lines, force=force)
    with naming_override():
        after = save_host(
            network_id=within.pk,
            host_id=found.pk,
            name=found.name,
            prefix=found.prefix if prefix is None else prefix,
            comment=found.comment if comment is None else comment,
            forced=override,
            **act(),
        )
    return Done(f"{after} stands for {after.prefix}.", host_value(after))


@noun.verb("delete", "rm", "remove")
def delete(
    host: HostArgument, network: NetworkOption = None, force: ForceOption = False, override: OverrideOption = False
) -> Done:
    """Remove a named host. Rules that accept it match nothing any more; what an enabled deny rule names stays."""
    found = host_named(get_network(network), host)
    value = host_value(found)
    confirm(f"Delete {found}?", losses=[f"Rules that name it no longer speak of {found.prefix}."], force=force)
    with naming_override():
        delete_host(host_id=found.pk, forced=override, **act())
    return Done(f"host:{value['name']} is deleted.", {"id": value["id"], "name": value["name"], "deleted": True})


class Command(NounCommand):
    """The management command."""

    noun = noun
