"""``manage.py relay``: relay regions and their servers."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer
from django.utils import timezone

from coordinator.admin_api.edits import edit_region
from coordinator.admin_api.serializers.relays import RelayOut
from coordinator.cli.command import NounCommand
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.noun import Noun
from coordinator.cli.options import ForceOption, NetworkOption, act
from coordinator.cli.references import relay_region_named, relay_server_named
from coordinator.cli.relays import answer_listing, region_word, server_listing
from coordinator.cli.results import Card, Column, Done, Listing, shaped_by
from coordinator.cli.settings import note_if_configured
from coordinator.cli.terminal import confirm
from coordinator.cli.text import count
from nodes.models import Network, Node, RelayRegion, RelayServer
from nodes.relay_checks import trusting_as_this_machine
from nodes.selectors import get_network
from nodes.services.relays import delete_region, delete_server, save_region, save_server, where_of

noun = Noun("relay", "Relay regions and their servers, for machines that find no direct way to each other.")

KEY: Final = ("relays",)
region_shape: Final = shaped_by(RelayOut)

RegionArgument = Annotated[str, typer.Argument(metavar="REGION", help="A region by code or number.")]
ServerArgument = Annotated[str, typer.Argument(metavar="SERVER", help="A server of the region by name.")]
HostOption = Annotated[str | None, typer.Option("--host", metavar="HOST", help="Where it is: a name or an address.")]
Ipv4Option = Annotated[str | None, typer.Option("--ipv4", metavar="ADDRESS", help="Its IPv4 address; none: unknown.")]
Ipv6Option = Annotated[str | None, typer.Option("--ipv6", metavar="ADDRESS", help="Its IPv6 address; none: unknown.")]
PortOption = Annotated[int | None, typer.Option("--port", metavar="PORT", help="Its port; 443 if not given.")]
StunOption = Annotated[
    int | None, typer.Option("--stun-port", metavar="PORT", help="Its STUN port, 0: none; 3478 if not given.")
]

COLUMNS: Final = [
    Column("Number", lambda region: str(region.number), keep=True, right=True),
    Column("Code", lambda region: region.code, keep=True),
    Column("Name", lambda region: region.name),
    Column("Servers", lambda region: ", ".join(server.name for server in region.servers.all()) or "none"),
    Column("Alive", region_word, keep=True),
]


@noun.verb("list", "ls")
def list_regions(network: NetworkOption = None) -> Listing:
    """List relay regions with their servers."""
    rows = RelayRegion.objects.filter(network=get_network(network)).prefetch_related("servers")
    return Listing(list(rows), COLUMNS, "There are no relay regions yet.", shape=region_shape)


@noun.verb("show", "get")
def show(region: RegionArgument, network: NetworkOption = None) -> Card:
    """Show a relay region and its servers."""
    within = get_network(network)
    found = relay_region_named(within, region)
    fields = [
        ("Number", str(found.number)),
        ("Code", found.code),
        ("Name", found.name),
        ("Home of", count(_at_home(within, found), "node")),
    ]
    servers = server_listing(list(found.servers.all()), timezone.now())
    return Card(found, fields, [("Servers", servers)], shape=region_shape)


@noun.verb("check", "ask")
def check(
    region: Annotated[
        str | None, typer.Argument(metavar="REGION", help="A region by code or number; all if not given.")
    ] = None,
    network: NetworkOption = None,
) -> Listing:
    """Ask relay servers now whether they serve, from here. The portal goes by its own rounds, and this is none."""
    within = get_network(network)
    rows = (
        RelayServer.objects.filter(region__network=within).select_related("region").order_by("region__number", "name")
    )
    if region is not None:
        rows = rows.filter(region=relay_region_named(within, region))
    servers = list(rows)
    answers = trusting_as_this_machine().ask(where_of(server) for server in servers)
    return answer_listing([(server, answers[where_of(server)]) for server in servers])


@noun.verb("create", "c", "new")
def create(
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="By which agents know it, for good.")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="Short, such as fra.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as Frankfurt.")],
    network: NetworkOption = None,
) -> Done:
    """Make a relay region; its servers follow with add."""
    within = get_network(network)
    region = save_region(network_id=within.pk, number=number, code=code, name=name, **act())
    return _done(within, f"Relay region {region.code} is made.", region)


@noun.verb("update", "set")
def update(
    *,
    region: RegionArgument,
    number: Annotated[int | None, typer.Option("--number", metavar="NUMBER", min=1, help="The new number.")] = None,
    code: Annotated[str | None, typer.Option("--code", metavar="CODE", help="The new code.")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The new name.")] = None,
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Done:
    """Change a relay region's number, code or name."""
    given = {"number": number, "code": code, "name": name}
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        raise WrongUsageError("Say what to change: --number, --code or --name.")
    within = get_network(network)
    found = relay_region_named(within, region)
    if number is not None and number != found.number:
        confirm(f"Renumber {found.code}?", losses=_losses(within, found), force=force)
    after = edit_region(network_id=within.pk, region_id=found.pk, changes=changes, **act())
    return _done(within, f"Relay region {after.code} is changed.", after)


@noun.verb("delete", "rm", "remove")
def delete(region: RegionArgument, network: NetworkOption = None, force: ForceOption = False) -> Done:
    """Remove a relay region with its servers. Machines at home there move to another."""
    within = get_network(network)
    found = relay_region_named(within, region)
    deleted = {"id": found.pk, "name": found.name, "deleted": True}
    confirm(f"Delete relay region {found.code}?", losses=_losses(within, found), force=force)
    delete_region(region_id=found.pk, **act())
    note_if_configured(within, *KEY)
    return Done(f"Relay region {found.code} is deleted.", deleted)


@noun.verb("add", "add-server")
def add(
    *,
    region: RegionArgument,
    name: Annotated[str, typer.Argument(metavar="SERVER", help="What to call it, such as fra-1.")],
    host: Annotated[str, typer.Argument(metavar="HOST", help="Where it is: a name or an address.")],
    ipv4: Ipv4Option = None,
    ipv6: Ipv6Option = None,
    port: PortOption = None,
    stun_port: StunOption = None,
    network: NetworkOption = None,
) -> Done:
    """Add a server to a relay region."""
    within = get_network(network)
    found = relay_region_named(within, region)
    fields = {"name": name, "host": host, **_server_fields(None, ipv4, ipv6, port, stun_port)}
    save_server(region_id=found.pk, fields=fields, **act())
    return _done(within, f"{name} serves {found.code}.", found)


@noun.verb("change", "update-server")
def change(
    *,
    region: RegionArgument,
    server: ServerArgument,
    host: HostOption = None,
    ipv4: Ipv4Option = None,
    ipv6: Ipv6Option = None,
    port: PortOption = None,
    stun_port: StunOption = None,
    network: NetworkOption = None,
) -> Done:
    """Change where a server of a relay region is."""
    fields = _server_fields(host, ipv4, ipv6, port, stun_port)
    if not fields:
        raise WrongUsageError("Say what to change: --host, --ipv4, --ipv6, --port or --stun-port.")
    within = get_network(network)
    found = relay_region_named(within, region)
    row = relay_server_named(found, server)
    save_server(region_id=found.pk, server_id=row.pk, fields=fields, **act())
    return _done(within, f"{row.name} of {found.code} is changed.", found)


@noun.verb("drop", "remove-server")
def drop(
    region: RegionArgument, server: ServerArgument, network: NetworkOption = None, force: ForceOption = False
) -> Done:
    """Take a server out of a relay region."""
    within = get_network(network)
    found = relay_region_named(within, region)
    row = relay_server_named(found, server)
    lines = [f"Nobody relays through {row.host} any more."]
    if found.servers.count() == 1:
        lines.append(f"It is the only server of {found.code}.")
    confirm(f"Drop {row.name} of {found.code}?", losses=lines, force=force)
    delete_server(server_id=row.pk, **act())
    return _done(within, f"{row.name} is dropped.", found)


def _server_fields(
    host: str | None, ipv4: str | None, ipv6: str | None, port: int | None, stun_port: int | None
) -> dict[str, Any]:
    given = {"host": host, "ipv4": ipv4, "ipv6": ipv6, "port": port, "stun_port": stun_port}
    return {name: None if value == "none" else value for name, value in given.items() if value is not None}


def _at_home(network: Network, region: RelayRegion) -> int:
    return Node.objects.filter(network=network, home_region=region.number).count()


def _losses(network: Network, region: RelayRegion) -> list[str]:
    nodes = _at_home(network, region)
    return [f"{count(nodes, 'node')} at home there will move to another region, if there is one."] if nodes else []


def _done(network: Network, text: str, region: RelayRegion) -> Done:
    note_if_configured(network, *KEY)
    after = RelayRegion.objects.prefetch_related("servers").get(pk=region.pk)
    return Done(text, after, shape=region_shape)


class Command(NounCommand):
    """The management command."""

    noun = noun
