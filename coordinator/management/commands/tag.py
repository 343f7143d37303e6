"""``manage.py tag``: the tags that the policy may name, and who may give them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from acl.models import TagOwner
from acl.services.tags import delete_tag, save_tag
from coordinator.admin_api.edits import edit_tag
from coordinator.cli.command import NounCommand
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.noun import Noun
from coordinator.cli.objections import OverrideOption, naming_override
from coordinator.cli.options import CommentOption, ForceOption, NetworkOption, act
from coordinator.cli.references import tag_named
from coordinator.cli.results import Card, Done, Listing
from coordinator.cli.rules import TAG_COLUMNS, tag_shape, tag_values, who_has
from coordinator.cli.terminal import confirm
from nodes.models import Network
from nodes.selectors import get_network

noun = Noun("tag", "The tags that the policy may name, and who may give them to machines.")

TagArgument = Annotated[str, typer.Argument(metavar="TAG", help="A tag by name, with or without tag:, or id.")]
OwnersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--owner",
        metavar="SELECTOR",
        help="Who may give it: user:ana, group:ops, tag:deploy or autogroup:member. Repeatable. Without any, only "
        "those who manage nodes; none takes all away.",
    ),
]


@noun.verb("list", "ls")
def list_tags(network: NetworkOption = None) -> Listing:
    """List the declared tags."""
    within = get_network(network)
    values = tag_values(within, list(TagOwner.objects.filter(network=within)))
    return Listing(values, TAG_COLUMNS, "There are no tags yet.", shape=tag_shape)


@noun.verb("show", "get")
def show(tag: TagArgument, network: NetworkOption = None) -> Card:
    """Show a tag."""
    within = get_network(network)
    value = _value(within, tag_named(within, tag))
    fields = [
        ("Id", str(value["id"])),
        ("Tag", value["tag"]),
        ("Given by", ", ".join(value["owners"]) or "those who manage nodes alone"),
        ("Nodes", str(value["nodes"])),
        ("Comment", value["comment"] or "-"),
    ]
    return Card(value, fields, shape=tag_shape)


@noun.verb("create", "c", "new")
def create(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="Such as tag:web, or web.")],
    owners: OwnersOption = None,
    comment: CommentOption = None,
    network: NetworkOption = None,
    override: OverrideOption = False,
) -> Done:
    """Declare a tag, so that rules may name it."""
    within = get_network(network)
    with naming_override():
        row = save_tag(
            network_id=within.pk, tag=tag, owners=_owners(owners), comment=comment or "", forced=override, **act()
        )
    return Done(f"{row.tag} is declared.", _value(within, row), shape=tag_shape)


@noun.verb("update", "set")
def update(
    tag: TagArgument,
    owners: OwnersOption = None,
    comment: CommentOption = None,
    network: NetworkOption = None,
    override: OverrideOption = False,
) -> Done:
    """Change who may give a tag, or its remark. Machines that have it keep it."""
    given = {"owners": None if owners is None else _owners(owners), "comment": comment}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise WrongUsageError("Say what to change: --owner or --comment.")
    within = get_network(network)
    found = tag_named(within, tag)
    with naming_override():
        after = edit_tag(network_id=within.pk, tag_id=found.pk, changes=changes, forced=override, **act())
    return Done(f"{after.tag} is changed.", _value(within, after), shape=tag_shape)


@noun.verb("delete", "rm", "remove")
def delete(
    tag: TagArgument, network: NetworkOption = None, force: ForceOption = False, override: OverrideOption = False
) -> Done:
    """Withdraw a tag: nobody may give it any more. Machines keep it; what an enabled deny rule names stays."""
    within = get_network(network)
    found = tag_named(within, tag)
    value = _value(within, found)
    confirm(f"Delete {found.tag}?", losses=[who_has(value), "Nobody but administrators may give it."], force=force)
    with naming_override():
        delete_tag(tag_owner_id=found.pk, forced=override, **act())
    return Done(f"{value['tag']} is deleted.", {"id": value["id"], "tag": value["tag"], "deleted": True})


def _owners(given: list[str] | None) -> list[str]:
    return [] if given is None or given == ["none"] else given


def _value(network: Network, row: TagOwner) -> dict[str, Any]:
    [value] = tag_values(network, [row])
    return value


class Command(NounCommand):
    """The management command."""

    noun = noun
