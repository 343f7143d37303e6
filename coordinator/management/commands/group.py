"""``manage.py group``: groups of people, for the policy."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from django.db import transaction
from django.db.models import QuerySet

from acl.models import Group
from acl.services.groups import delete_group, save_group
from coordinator.admin_api.edits import edit_group
from coordinator.cli.command import NounCommand
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.noun import Noun
from coordinator.cli.objections import OverrideOption, naming_override
from coordinator.cli.options import CommentOption, ForceOption, NetworkOption, act
from coordinator.cli.references import group_named, user_named
from coordinator.cli.results import Card, Done, Listing
from coordinator.cli.rules import GROUP_COLUMNS, group_card, group_shape, group_values
from coordinator.cli.terminal import confirm
from coordinator.cli.text import listed
from nodes.changes import lock_network
from nodes.models import Network
from nodes.selectors import get_network

noun = Noun("group", "Groups of people (and of groups) that rules may name.")

GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="A group by name or id.")]


@noun.verb("list", "ls")
def list_groups(network: NetworkOption = None) -> Listing:
    """List groups."""
    rows = _rows(get_network(network))
    return Listing(group_values(list(rows)), GROUP_COLUMNS, "There are no groups yet.", shape=group_shape)


@noun.verb("show", "get")
def show(group: GroupArgument, network: NetworkOption = None) -> Card:
    """Show a group."""
    within = get_network(network)
    return group_card(_value(within, group_named(within, group).pk))


@noun.verb("create", "c", "new")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as ops.")],
    members: Annotated[
        list[str] | None,
        typer.Option("--member", "-m", metavar="MEMBER", help="A login, or group:NAME. Repeatable."),
    ] = None,
    comment: CommentOption = None,
    network: NetworkOption = None,
    override: OverrideOption = False,
) -> Done:
    """Make a group."""
    within = get_network(network)
    users, groups = _members(within, members or [])
    with naming_override():
        made = save_group(
            network_id=within.pk,
            name=name,
            users=sorted(users),
            subgroups=sorted(groups),
            comment=comment or "",
            forced=override,
            **act(),
        )
    return _done(within, made.pk, "is made")


@noun.verb("update", "set")
def update(
    *,
    group: GroupArgument,
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="MEMBER", help="A login, or group:NAME. Repeatable.")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="MEMBER", help="The same.")] = None,
    comment: CommentOption = None,
    network: NetworkOption = None,
    force: ForceOption = False,
    override: OverrideOption = False,
) -> Done:
    """Change who is in a group, or its remark."""
    if not add and not remove and comment is None:
        raise WrongUsageError("Say what to change: --add, --remove or --comment.")
    within = get_network(network)
    found = group_named(within, group)
    new_users, new_groups = _members(within, add or [])
    old_users, old_groups = _members(within, remove or [])
    if remove:
        lines = [f"Out of it: {listed(remove, most=20)}. What rules give to {found} they lose."]
        confirm(f"Change {found}?", losses=lines, force=force)
    with naming_override(), transaction.atomic():
        # Under the lock: two who each add somebody at once must not undo each other.
        lock_network(within.pk)
        rows = list(found.members.all())
        users = {row.user_id for row in rows if row.user_id is not None}
        groups = {row.subgroup_id for row in rows if row.subgroup_id is not None}
        changes: dict[str, Any] = {
            "users": sorted((users | new_users) - old_users),
            "subgroups": sorted((groups | new_groups) - old_groups),
        }
        if comment is not None:
            changes["comment"] = comment
        edit_group(network_id=within.pk, group_id=found.pk, changes=changes, forced=override, **act())
    return _done(within, found.pk, "is changed")


@noun.verb("delete", "rm", "remove")
def delete(
    group: GroupArgument, network: NetworkOption = None, force: ForceOption = False, override: OverrideOption = False
) -> Done:
    """Remove a group. Rules that accept it match nobody any more; what an enabled deny rule names stays."""
    within = get_network(network)
    found = group_named(within, group)
    value = _value(within, found.pk)
    lines = [f"Its members: {listed(value['members'], most=10) or 'nobody'}. What rules give to it they lose."]
    confirm(f"Delete {found}?", losses=lines, force=force)
    with naming_override():
        delete_group(group_id=found.pk, forced=override, **act())
    return Done(f"group:{value['name']} is deleted.", {"id": value["id"], "name": value["name"], "deleted": True})


def _rows(network: Network) -> QuerySet[Group]:
    return Group.objects.filter(network=network).prefetch_related("members__user", "members__subgroup")


def _members(network: Network, references: list[str]) -> tuple[set[int], set[int]]:
    """Ids of the people and of the groups that are named."""
    users, groups = set(), set()
    for reference in references:
        if reference.startswith("group:"):
            groups.add(group_named(network, reference).pk)
        else:
            users.add(user_named(reference).pk)
    return users, groups


def _value(network: Network, group_id: int) -> dict[str, Any]:
    [value] = group_values([_rows(network).get(pk=group_id)])
    return value


def _done(network: Network, group_id: int, what: str) -> Done:
    value = _value(network, group_id)
    members = listed(value["members"], most=10) or "nobody"
    return Done(f"group:{value['name']} {what}: {members}.", value, shape=group_shape)


class Command(NounCommand):
    """The management command."""

    noun = noun
