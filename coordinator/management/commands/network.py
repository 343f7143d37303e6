"""``manage.py network``: the networks and their settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer

from coordinator.cli.command import NounCommand
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.noun import Noun
from coordinator.cli.options import ForceOption, SecondsOption, act
from coordinator.cli.results import Card, Done, Listing
from coordinator.cli.settings import (
    CONFIGURATION_KEYS,
    NETWORK_COLUMNS,
    counted_networks,
    kept_by_configuration,
    keys_named,
    network_card,
    network_shape,
    read_list,
    read_split_dns,
)
from coordinator.cli.terminal import confirm, note
from coordinator.cli.text import count, listed
from nodes.models import Network, Node
from nodes.selectors import get_network
from nodes.services.epoch import begin_epoch
from nodes.services.network import update_network

noun = Noun("network", "Networks and their settings.")

NetworkArgument = Annotated[
    str | None, typer.Argument(metavar="NETWORK", help="Its name; needed where there are several.", show_default=False)
]


@noun.verb("list", "ls")
def list_networks() -> Listing:
    """List networks."""
    empty = "There is no network yet: the first start of the server makes it."
    return Listing(list(counted_networks()), NETWORK_COLUMNS, empty, shape=network_shape)


@noun.verb("show", "get")
def show(network: NetworkArgument = None) -> Card:
    """Show a network's settings."""
    return network_card(get_network(network))


@noun.verb("set", "update")
def set_settings(
    *,
    network: NetworkArgument = None,
    domain: Annotated[str | None, typer.Option(metavar="DOMAIN", help="What the names of nodes end in.")] = None,
    ipv4_range: Annotated[str | None, typer.Option(metavar="CIDR", help="Only while no address is in use.")] = None,
    ipv6_range: Annotated[str | None, typer.Option(metavar="CIDR", help="The same; none: no IPv6.")] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Never given out; also first-last. Repeatable; or none.")
    ] = None,
    keepalive_interval: Annotated[timedelta | None, SecondsOption] = None,
    grace_period: Annotated[timedelta | None, SecondsOption] = None,
    lease: Annotated[timedelta | None, SecondsOption] = None,
    quarantine: Annotated[timedelta | None, SecondsOption] = None,
    max_peers: Annotated[int | None, typer.Option(metavar="NUMBER", help="How many peers a node may have.")] = None,
    key_rotation: Annotated[timedelta | None, SecondsOption] = None,
    approve_nodes: Annotated[
        bool | None,
        typer.Option(
            "--approve-nodes/--no-approve-nodes", help="Whether each new node waits until somebody approves it."
        ),
    ] = None,
    magic_dns: Annotated[
        bool | None, typer.Option("--magic-dns/--no-magic-dns", help="Whether names of nodes resolve.")
    ] = None,
    nameserver: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="For all other names. Repeatable; or none.")
    ] = None,
    split_dns: Annotated[
        list[str] | None, typer.Option(metavar="DOMAIN=ADDRESS", help="Name servers of a domain. Repeatable; or none.")
    ] = None,
    search_domain: Annotated[
        list[str] | None, typer.Option(metavar="DOMAIN", help="Tried after a bare name. Repeatable; or none.")
    ] = None,
    force: ForceOption = False,
) -> Done:
    """Change settings. A repeatable option replaces the whole list; none empties it."""
    changes: dict[str, Any] = {
        "domain": domain,
        "ipv4_range": ipv4_range,
        "ipv6_range": ipv6_range,
        "excluded": None if exclude is None else read_list(exclude),
        "keepalive_seconds": _seconds(keepalive_interval),
        "grace_seconds": _seconds(grace_period),
        "lease_seconds": _seconds(lease),
        "quarantine_seconds": _seconds(quarantine),
        "max_peers": max_peers,
        "key_rotation_seconds": _seconds(key_rotation),
        "approve_nodes": approve_nodes,
        "magic_dns": magic_dns,
        "nameservers": None if nameserver is None else read_list(nameserver),
        "split_dns": None if split_dns is None else read_split_dns(split_dns),
        "search_domains": None if search_domain is None else read_list(search_domain),
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if ipv6_range == "none":
        changes["ipv6_range"] = None
    if not changes:
        raise WrongUsageError("Say what to change.")
    found = get_network(network)
    if domain is not None and domain != found.domain:
        nodes = Node.objects.filter(network=found).count()
        lines = [f"{count(nodes, 'node')} of {found.domain} will answer to other names, at once."]
        confirm(f"Change the domain of {found.name}?", losses=lines, force=force)
    with keys_named():
        after = update_network(network_id=found.pk, changes=changes, **act())
    for key in kept_by_configuration(after, changes):
        note(f"{key} stands in the configuration: its value there holds again when the server next starts.")
    words = ", ".join(CONFIGURATION_KEYS[name] for name in changes)
    return Done(f"Network {after.name}: {words} set.", after, shape=network_shape)


@noun.verb("new-epoch")
def new_epoch(
    network: NetworkArgument = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="All networks.")] = False,
    force: ForceOption = False,
) -> Done:
    """Begin a new epoch, after the database was restored from a backup: every agent gets its whole map anew."""
    if every and network is not None:
        raise WrongUsageError("Give a network, or --all.")
    found = list(Network.objects.order_by("pk")) if every else [get_network(network)]
    lines = ["Every agent gets its whole map anew. This is for a database that was put back, and for nothing else."]
    confirm(f"Begin a new epoch of {listed([item.name for item in found])}?", losses=lines, force=force)
    after = [begin_epoch(network_id=item.pk, **act()) for item in found]
    words = ", ".join(f"{item.name}: epoch {item.epoch}" for item in after)
    return Done(f"{words}.", {"networks": [{"name": item.name, "epoch": item.epoch} for item in after]})


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else int(duration.total_seconds())


class Command(NounCommand):
    """The management command."""

    noun = noun
