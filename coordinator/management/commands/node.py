"""``manage.py node``: the machines of the mesh."""

from __future__ import annotations

from typing import Annotated

import typer
from django.db import transaction
from django.utils import timezone

from coordinator.cli.command import NounCommand
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.history import history_card
from coordinator.cli.losses import losses_of
from coordinator.cli.node_options import (
    AgentOption,
    CursorOption,
    KeyOption,
    LimitOption,
    OrderOption,
    SearchOption,
    SeenOption,
    StatusOption,
    SystemOption,
    TagOption,
    UserOption,
    chosen_by,
    node_listing,
)
from coordinator.cli.nodes import (
    chosen_routes,
    node_card,
    node_done,
    route_listing,
    value_of,
)
from coordinator.cli.noun import Noun
from coordinator.cli.objections import OverrideOption
from coordinator.cli.options import ForceOption, NetworkOption, NodeArgument, UserArgument, act
from coordinator.cli.references import node_named, user_named
from coordinator.cli.results import Card, Done, Listing
from coordinator.cli.terminal import confirm
from coordinator.cli.text import count, listed
from coordinator.cli.traffic import traffic_card
from coordinator.lifecycle import (
    delete_node,
    disable_node,
    enable_node,
    expire_node,
    rename_node,
    set_fixed_address,
    set_tags,
)
from coordinator.ownership import give_node
from coordinator.rotation import request_rotation, request_rotations
from nodes.changes import lock_network
from nodes.models import Node
from nodes.selectors import get_network
from nodes.selectors.traffic import MOST_HOURS
from nodes.services.routes import set_route_approval

noun = Noun("node", "The machines of the mesh.")

PrefixesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="PREFIX...", help="CIDRs that it advertises; exit-node stands for 0.0.0.0/0 and ::/0."),
]
AllRoutesOption = Annotated[bool, typer.Option("--all", "-a", help="All routes that it advertises.")]


@noun.verb("list", "ls")
def list_nodes(
    *,
    user: UserOption = None,
    tag: TagOption = None,
    status: StatusOption = None,
    system: SystemOption = None,
    agent: AgentOption = None,
    seen: SeenOption = None,
    key: KeyOption = None,
    search: SearchOption = None,
    order: OrderOption = "name",
    limit: LimitOption = None,
    cursor: CursorOption = None,
    network: NetworkOption = None,
) -> Listing:
    """List nodes."""
    criteria = chosen_by(
        user=user, tag=tag, status=status, system=system, agent=agent, seen=seen, key=key, search=search
    )
    return node_listing(get_network(network), criteria, order=order, limit=limit, cursor=cursor)


@noun.verb("show", "get")
def show_node(node: NodeArgument, network: NetworkOption = None) -> Card:
    """Show all that is known of a node."""
    return node_card(node_named(get_network(network), node), timezone.now())


@noun.verb("history", "uptime")
def history(node: NodeArgument, network: NetworkOption = None) -> Card:
    """Show when a node was online: its comings and goings, and its uptime by day."""
    return history_card(node_named(get_network(network), node), timezone.now())


@noun.verb("traffic")
def traffic(
    node: NodeArgument,
    hours: Annotated[int, typer.Option("--hours", metavar="NUMBER", min=1, max=MOST_HOURS, help="How far back.")] = 24,
    network: NetworkOption = None,
) -> Card:
    """Show what a node received and sent through its tunnel, hour by hour, as it told itself."""
    return traffic_card(node_named(get_network(network), node), timezone.now(), hours)


@noun.verb("disable")
def disable(node: NodeArgument, network: NetworkOption = None, force: ForceOption = False) -> Done:
    """Cut a node off until it is enabled again. It keeps name and addresses."""
    found = node_named(get_network(network), node)
    if found.state != Node.State.DISABLED:
        confirm(f"Disable {found.name}?", losses=losses_of(found), force=force)
        disable_node(node_id=found.pk, **act())
    return node_done(f"{found.name} is disabled.", found.pk)


@noun.verb("enable")
def enable(node: NodeArgument, network: NetworkOption = None) -> Done:
    """Let a disabled node take part again."""
    found = node_named(get_network(network), node)
    after = enable_node(node_id=found.pk, **act())
    back = after.state == Node.State.ACTIVE
    text = f"{found.name} is enabled." if back else f"{found.name} is enabled; its key has expired: its owner logs in."
    return node_done(text, found.pk)


@noun.verb("expire")
def expire(node: NodeArgument, network: NetworkOption = None, force: ForceOption = False) -> Done:
    """End a node's key now: it is out until its owner registers it again."""
    found = node_named(get_network(network), node)
    if found.state != Node.State.EXPIRED:
        confirm(f"Expire the key of {found.name}?", losses=losses_of(found), force=force)
        expire_node(node_id=found.pk, **act())
    return node_done(f"The key of {found.name} has expired.", found.pk)


@noun.verb("rotate-key")
def rotate_key(
    node: Annotated[
        str | None, typer.Argument(metavar="NODE", help="A node by name, full name, address or id.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="All active nodes, one after the other.")] = False,
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Done:
    """Have a node make a new WireGuard key now. It keeps name, addresses and session; connections go on."""
    if (node is not None) == every:
        raise WrongUsageError("Give a node, or --all.")
    within = get_network(network)
    if node is not None:
        found = node_named(within, node)
        request_rotation(node_id=found.pk, **act())
        return node_done(f"{found.name} makes a new key as soon as it hears of it.", found.pk)
    lines = ["Their traffic pauses for a moment, one node after the other."]
    confirm(f"Have all nodes of {within.name} make new keys?", losses=lines, force=force)
    told = request_rotations(network_id=within.pk, **act())
    return Done(f"{count(told, 'node')} will make new keys.", {"requested": told})


@noun.verb("rename", "mv")
def rename(
    node: NodeArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A DNS label: letters, digits and hyphens.")],
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Done:
    """Give a node another name. The former one rests in quarantine."""
    found = node_named(get_network(network), node)
    was = found.name
    confirm(f"Rename {was} to {name.lower()}?", losses=[f"{was} no longer leads to it."], force=force)
    after = rename_node(node_id=found.pk, name=name, **act())
    return node_done(f"{was} is now called {after.name}.", found.pk)


@noun.verb("tag", "tags")
def tag_node(
    *,
    node: NodeArgument,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG...", help="The tags in place of all it has.")] = None,
    add: Annotated[list[str] | None, typer.Option("--add", metavar="TAG", help="One more. Repeatable.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="TAG", help="One less. Repeatable.")] = None,
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Done:
    """Set the tags of a node. A person's node belongs to its tags from then on, and must register again."""
    if bool(tags) == bool(add or remove):
        raise WrongUsageError("Give the tags that it shall have, or --add and --remove.")
    found = node_named(get_network(network), node)
    if not found.tagged:
        owner = "nobody" if found.owner is None else found.owner.username
        lines = [f"It belongs to {owner} now: it will belong to its tags.", "Its session ends: it must register again."]
        confirm(f"Tag {found.name}?", losses=lines, force=force)
    with transaction.atomic():
        lock_network(found.network_id)
        present = {row.tag for row in found.tags.all()}
        wanted = {_tag(name) for name in tags or ()} if tags else present | {_tag(name) for name in add or ()}
        wanted -= {_tag(name) for name in remove or ()}
        set_tags(node_id=found.pk, tags=sorted(wanted), **act())
    return node_done(f"{found.name} has {listed(sorted(wanted), most=20)}.", found.pk)


@noun.verb("give")
def give(node: NodeArgument, user: UserArgument, network: NetworkOption = None, force: ForceOption = False) -> Done:
    """Make a person the owner of a node. It must register again, with a key of the new owner."""
    found, heir = node_named(get_network(network), node), user_named(user)
    if found.owner_id != heir.pk:
        lines = ["Its session ends: it must register again.", "Routes that the policy approved for it may end."]
        confirm(f"Give {found.name} to {heir.username}?", losses=lines, force=force)
    give_node(node_id=found.pk, owner_id=heir.pk, **act())
    return node_done(f"{found.name} belongs to {heir.username}.", found.pk)


@noun.verb("delete", "rm", "remove")
def delete(
    node: NodeArgument, network: NetworkOption = None, force: ForceOption = False, override: OverrideOption = False
) -> Done:
    """Remove a node for good. Its addresses and name rest in quarantine, its key is refused until released."""
    found = node_named(get_network(network), node)
    ident, name = found.pk, found.name
    lines = [*losses_of(found), "Its key is refused until released (manage.py key release). This cannot be undone."]
    confirm(f"Delete {name}?", losses=lines, force=force)
    delete_node(node_id=ident, forced=override, **act())
    return Done(f"{name} is deleted.", {"id": ident, "name": name, "deleted": True})


@noun.verb("address", "fix-address")
def address(
    node: NodeArgument,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An address of the network's ranges.")],
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Done:
    """Give a node a fixed address. Its former one of that family rests in quarantine."""
    found = node_named(get_network(network), node)
    lines = ["Connections to its present address of that family end."]
    confirm(f"Give {found.name} the address {address}?", losses=lines, force=force)
    set_fixed_address(node_id=found.pk, address=address.strip(), **act())
    return node_done(f"{found.name} has {address.strip()}.", found.pk)


@noun.verb("routes", "list-routes")
def routes(node: NodeArgument, network: NetworkOption = None) -> Listing:
    """List the routes that a node advertises, and what became of them."""
    return route_listing(value_of(node_named(get_network(network), node).pk))


@noun.verb("approve-routes")
def approve_routes(
    node: NodeArgument,
    prefixes: PrefixesArgument = None,
    every: AllRoutesOption = False,
    network: NetworkOption = None,
) -> Done:
    """Approve routes that a node advertises: peers that the policy lets through may use them."""
    found = node_named(get_network(network), node)
    chosen = chosen_routes(found, prefixes or [], every=every, approved=False)
    set_route_approval(node_id=found.pk, prefixes=chosen, approved=True, **act())
    return node_done(f"{listed(chosen)} through {found.name}: approved.", found.pk)


@noun.verb("withdraw-routes")
def withdraw_routes(
    node: NodeArgument,
    prefixes: PrefixesArgument = None,
    every: AllRoutesOption = False,
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Done:
    """Withdraw the approval of routes."""
    found = node_named(get_network(network), node)
    chosen = chosen_routes(found, prefixes or [], every=every, approved=True)
    confirm(
        f"Withdraw {listed(chosen)} through {found.name}?",
        losses=["Peers lose what is behind it, unless another router serves it."],
        force=force,
    )
    set_route_approval(node_id=found.pk, prefixes=chosen, approved=False, **act())
    return node_done(f"{listed(chosen)} through {found.name}: withdrawn.", found.pk)


def _tag(name: str) -> str:
    """``web`` is meant as ``tag:web``."""
    return name if name.lower().startswith("tag:") else f"tag:{name}"


class Command(NounCommand):
    """The management command."""

    noun = noun
