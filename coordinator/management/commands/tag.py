"""``manage.py tag``: the tags that the policy may name, and who may give them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from django.db.models import Count

from acl.models import TagOwner
from acl.services.tags import delete_tag, save_tag
from coordinator.cli.command import NounCommand
from coordinator.cli.noun import Noun
from coordinator.cli.objections import OverrideOption, naming_override
from coordinator.cli.options import CommentOption, ForceOption, NetworkOption, act
from coordinator.cli.references import tag_named
from coordinator.cli.results import Card, Done, Listing
from coordinator.cli.rules import TAG_COLUMNS, tag_values, who_has
from coordinator.cli.terminal import confirm
from nodes.models import Network, NodeTag
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
    rows = list(TagOwner.objects.filter(network=within))
    return Listing(tag_values(rows, _carriers(within)), TAG_COLUMNS, "There are no tags yet.")


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
    return Card(value, fields)


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
    return Done(f"{row.tag} is declared.", _value(within, row))


@noun.verb("update", "set")
def update(
    tag: TagArgument,
    owners: OwnersOption = None,
    comment: CommentOption = None,
    network: NetworkOption = None,
    override: OverrideOption = False,
) -> Done:
    """Change who may give a tag, or its remark. Machines that have it keep it."""
    if owners is None and comment is None:
        raise typer.BadParameter("Say what to change: --owner or --comment.")
    within = get_network(network)
    found = tag_named(within, tag)
    with naming_override():
        after = save_tag(
            network_id=within.pk,
            tag_owner_id=found.pk,
            tag=found.tag,
            owners=_value(within, found)["owners"] if owners is None else _owners(owners),
            comment=found.comment if comment is None else comment,
            forced=override,
            **act(),
        )
    return Done(f"{after.tag} is changed.", _value(within, after))


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
    [value] = tag_values([row], _carriers(network))
    return value


def _carriers(network: Network) -> dict[str, int]:
    rows = NodeTag.objects.filter(node__network=network).order_by("tag").values_list("tag")
    return dict(rows.annotate(number=Count("pk")).values_list("tag", "number"))


class Command(NounCommand):
    """The management command."""

    noun = noun
