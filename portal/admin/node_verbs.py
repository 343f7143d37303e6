"""What can be done to nodes, and what each act cuts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest

from coordinator.lifecycle import (
    delete_node,
    disable_node,
    enable_node,
    expire_node,
    rename_node,
    set_fixed_address,
    set_tags,
)
from nodes.models import Node, Route
from portal.cause import act
from portal.forms import ListField, ServiceForm
from portal.verbs import Question, Row, Verb, count
from sessions_app.models import NodeSession


class NameForm(ServiceForm):
    """A node's name."""

    name = forms.CharField(max_length=63, help_text="A DNS label: lower-case letters, digits and hyphens.")
    field_css = {"name": "gw-field-mono"}


class TagsForm(ServiceForm):
    """A node's tags."""

    tags = ListField(help_text="One a line or separated by commas: tag:web, tag:db.")
    field_css = {"tags": "gw-field-mono"}

    def initial_of(self, obj: Any) -> dict[str, Any]:
        """The tags it has."""
        return {"tags": [row.tag for row in obj.tags.all()]}

    def clean_tags(self) -> list[str]:
        """``web`` is meant as ``tag:web``."""
        return [tag if tag.startswith("tag:") else f"tag:{tag}" for tag in self.cleaned_data["tags"]]


class AddressForm(ServiceForm):
    """An address chosen by hand."""

    address = forms.GenericIPAddressField(help_text="Within the network's ranges, and held by no other node.")
    field_css = {"address": "gw-field-mono"}


def losses(nodes: Sequence[Node]) -> list[Row]:
    """What peers lose with ``nodes``: routes that only they serve first, then each node with its session."""
    gone = {node.pk for node in nodes}
    names = {node.pk: node.name for node in nodes}
    in_force = Route.objects.filter(advertised=True, approved=True)
    served = list(in_force.filter(node_id__in=gone).order_by("first", "prefix"))
    prefixes = {route.prefix for route in served}
    elsewhere = set(in_force.filter(prefix__in=prefixes).exclude(node_id__in=gone).values_list("prefix", flat=True))
    worst: dict[int, list[str]] = {}
    shared: dict[int, int] = {}
    for route in served:
        if route.prefix in elsewhere:
            shared[route.node_id] = shared.get(route.node_id, 0) + 1
        else:
            worst.setdefault(route.node_id, []).append(route.prefix)
    sessions = set(NodeSession.objects.filter(node_id__in=gone, ended_at=None).values_list("node_id", flat=True))
    rows = [Row(names[pk], f"is the only router of {', '.join(found)}", worst=True) for pk, found in worst.items()]
    for node in nodes:
        said = ["its session ends" if node.pk in sessions else "has no session"]
        if node.pk in shared:
            said.append(_rerouted(shared[node.pk]))
        rows.append(Row(node.name, ", ".join(said)))
    return rows


def _rerouted(number: int) -> str:
    return "1 route goes through another router" if number == 1 else f"{number} routes go through other routers"


def _damage(nodes: Sequence[Node], rows: Sequence[Row]) -> str:
    """The tick's words; none where nothing but the node itself is cut."""
    if any(row.worst for row in rows):
        return "Cut off the networks behind it" if len(nodes) == 1 else "Cut off the networks behind them"
    return f"Cut off {count(nodes, '', 'nodes')}"


def _they(nodes: Sequence[Node], one: str, many: str) -> str:
    return one if len(nodes) == 1 else many


def ask_disable(nodes: Sequence[Node]) -> Question:
    """Disabling keeps name and addresses."""
    rows, what = losses(nodes), count(nodes, "", "nodes")
    lead = _they(nodes, "Its session ends", "Their sessions end") + " within 2 seconds and all peers drop "
    lead += _they(nodes, "it. You can enable it again later.", "them. You can enable them again later.")
    keep = _they(nodes, "Keep it", "Keep them")
    return Question(f"Disable {what}?", lead, f"Disable {what}", rows, _damage(nodes, rows), keep)


def ask_delete(nodes: Sequence[Node]) -> Question:
    """Deleting cannot be undone."""
    rows, what = losses(nodes), count(nodes, "", "nodes")
    lead = (
        _they(
            nodes,
            "Its session ends and all peers drop it. Its name and addresses rest",
            "Their sessions end and all peers drop them. Names and addresses rest",
        )
        + " in quarantine, and "
        + _they(nodes, "its key is", "their keys are")
        + " refused until released. This cannot be undone."
    )
    keep = _they(nodes, "Keep it", "Keep them")
    return Question(f"Delete {what}?", lead, f"Delete {what}", rows, _damage(nodes, rows), keep)


def ask_expire(nodes: Sequence[Node]) -> Question:
    """An expired node comes back when its owner logs in again."""
    rows, what = losses(nodes), count(nodes, "", "nodes")
    lead = "All peers drop " + _they(nodes, "it until its owner registers it again.", "them until they register again.")
    keep = _they(nodes, "Keep it", "Keep them")
    return Question(f"Expire the key of {what}?", lead, "Expire now", rows, _damage(nodes, rows), keep)


def ask_tags(nodes: Sequence[Node]) -> Question:
    """A person's node changes hands when it gets tags."""
    what = count(nodes, "", "nodes")
    owned = [node for node in nodes if not node.tagged]
    rows = [Row(node.name, "belongs to a person now: it will belong to its tags and must register again", worst=True)
            for node in owned]  # fmt: skip
    tick = f"Take {count(owned, '', 'nodes')} from the present owner" if owned else ""
    lead = "The tags replace those " + _they(nodes, "it has.", "they have.") + " Rules for these tags apply at once."
    return Question(f"Set the tags of {what}", lead, "Set tags", rows, tick)


def ask_name(nodes: Sequence[Node]) -> Question:
    """Peers resolve the new name at once."""
    return Question(f"Rename {nodes[0]}", "The old name stays reserved for the length of the quarantine.", "Rename")


def ask_address(nodes: Sequence[Node]) -> Question:
    """The former address rests."""
    lead = "Its present address of that family goes into quarantine. Connections to it end."
    return Question(f"Give {nodes[0]} a fixed address", lead, "Set address")


def _do(service: Any) -> Any:
    """A verb's ``run`` for a service that takes a node and nothing else."""

    def run(request: HttpRequest, node: Node, data: dict[str, Any]) -> None:
        service(node_id=node.pk, **act(request))

    return run


def _delete(request: HttpRequest, node: Node, data: dict[str, Any]) -> None:
    delete_node(node_id=node.pk, forced=data["forced"], **act(request))


def _rename(request: HttpRequest, node: Node, data: dict[str, Any]) -> None:
    rename_node(node_id=node.pk, name=data["name"], **act(request))


def _tag(request: HttpRequest, node: Node, data: dict[str, Any]) -> None:
    set_tags(node_id=node.pk, tags=data["tags"], **act(request))


def _fix(request: HttpRequest, node: Node, data: dict[str, Any]) -> None:
    set_fixed_address(node_id=node.pk, address=data["address"], **act(request))


def _is_disabled(node: Node) -> bool:
    return node.state == Node.State.DISABLED


def _is_enabled(node: Node) -> bool:
    return node.state != Node.State.DISABLED


def _can_expire(node: Node) -> bool:
    return node.state in (Node.State.ACTIVE, Node.State.PENDING)


def _said(word: str) -> Any:
    return lambda nodes: f"{count(nodes, '', 'nodes')} {'is' if len(nodes) == 1 else 'are'} {word}."


NODE_VERBS = (
    Verb("rename", "Rename", "nodes.manage", _rename, _said("renamed"), ask_name, NameForm, bulk=False),
    Verb("tags", "Set tags", "nodes.manage", _tag, _said("tagged"), ask_tags, TagsForm),
    Verb("address", "Fix address", "nodes.manage", _fix, _said("moved"), ask_address, AddressForm, bulk=False),
    Verb("enable", "Enable", "nodes.manage", _do(enable_node), _said("enabled"), offered=_is_disabled),
    Verb(
        "expire",
        "Expire key",
        "nodes.expire",
        _do(expire_node),
        _said("expired"),
        ask_expire,
        destroys=True,
        offered=_can_expire,
    ),
    Verb(
        "disable",
        "Disable",
        "nodes.manage",
        _do(disable_node),
        _said("disabled"),
        ask_disable,
        destroys=True,
        offered=_is_enabled,
    ),
    Verb(
        "delete",
        "Delete",
        "nodes.manage",
        _delete,
        _said("deleted"),
        ask_delete,
        destroys=True,
        may_force=True,
    ),
)
