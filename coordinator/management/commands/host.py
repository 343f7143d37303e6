"""``manage.py host``: names for addresses and CIDRs, for the policy."""

from __future__ import annotations

from typing import Annotated

import typer

from acl.models import Host
from acl.services.hosts import delete_host, save_host
from coordinator.admin_api.edits import edit_host
from coordinator.cli.command import NounCommand
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.noun import Noun
from coordinator.cli.objections import OverrideOption, naming_override
from coordinator.cli.options import CommentOption, ForceOption, NetworkOption, act
from coordinator.cli.references import host_named
from coordinator.cli.results import Card, Done, Listing
from coordinator.cli.rules import HOST_COLUMNS, host_shape
from coordinator.cli.terminal import confirm
from nodes.selectors import get_network

noun = Noun("host", "Names for addresses and CIDRs that rules may use.")

HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="A named host by name or id.")]


@noun.verb("list", "ls")
def list_hosts(network: NetworkOption = None) -> Listing:
    """List named hosts."""
    rows = Host.objects.filter(network=get_network(network))
    return Listing(list(rows), HOST_COLUMNS, "There are no named hosts yet.", shape=host_shape)


@noun.verb("show", "get")
def show(host: HostArgument, network: NetworkOption = None) -> Card:
    """Show a named host."""
    found = host_named(get_network(network), host)
    fields = [
        ("Id", str(found.pk)),
        ("Name", str(found)),
        ("Stands for", found.prefix),
        ("Comment", found.comment or "-"),
    ]
    return Card(found, fields, shape=host_shape)


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
    return Done(f"{host} stands for {host.prefix}.", host, shape=host_shape)


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
    given = {"prefix": prefix, "comment": comment}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise WrongUsageError("Say what to change: --prefix or --comment.")
    within = get_network(network)
    found = host_named(within, host)
    if prefix is not None and prefix != found.prefix:
        lines = [f"Rules that name it no longer speak of {found.prefix}."]
        confirm(f"Let {found} stand for {prefix}?", losses=lines, force=force)
    with naming_override():
        after = edit_host(network_id=within.pk, host_id=found.pk, changes=changes, forced=override, **act())
    return Done(f"{after} stands for {after.prefix}.", after, shape=host_shape)


@noun.verb("delete", "rm", "remove")
def delete(
    host: HostArgument, network: NetworkOption = None, force: ForceOption = False, override: OverrideOption = False
) -> Done:
    """Remove a named host. Rules that accept it match nothing any more; what an enabled deny rule names stays."""
    found = host_named(get_network(network), host)
    deleted = {"id": found.pk, "name": found.name, "deleted": True}
    confirm(f"Delete {found}?", losses=[f"Rules that name it no longer speak of {found.prefix}."], force=force)
    with naming_override():
        delete_host(host_id=found.pk, forced=override, **act())
    return Done(f"{found} is deleted.", deleted)


class Command(NounCommand):
    """The management command."""

    noun = noun
