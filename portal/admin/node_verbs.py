"""What can be done to nodes, and what each act cuts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest

from coordinator.consequences import of_leaving, of_tags
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
from coordinator.rotation import request_rotation
from nodes.models import Node
from portal.cause import act
from portal.forms import ListField, ServiceForm
from portal.node.damage import rows_of, tick_of, weigh_by_network
from portal.undo import Undo, weighed_key
from portal.verbs import Question, Row, Verb, count
from sessions_app.models import User


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


class OwnerForm(ServiceForm):
    """Whom a node is to belong to."""

    login = forms.CharField(max_length=150, help_text="The login of the person, such as ana.")

    def clean_login(self) -> User:
        """The person."""
        found = User.objects.filter(username=self.cleaned_data["login"].strip().lower()).first()
        if found is None:
            raise forms.ValidationError("There is no person with this login.")
        return found


class AddressForm(ServiceForm):
    """An address chosen by hand."""

    address = forms.GenericIPAddressField(help_text="Within the network's ranges, and held by no other node.")
    field_css = {"address": "gw-field-mono"}


def _they(nodes: Sequence[Node], one: str, many: str) -> str:
    return one if len(nodes) == 1 else many


def _leave(nodes: Sequence[Node]) -> tuple[list[Row], str]:
    """What is cut when these leave the mesh, in rows and in words to tick."""
    found = weigh_by_network(nodes, lambda network_id, ids: of_leaving(network_id=network_id, node_ids=ids))
    return rows_of(found), tick_of(found)


def _keep(nodes: Sequence[Node]) -> str:
    return _they(nodes, "Keep it", "Keep them")


def ask_disable(nodes: Sequence[Node]) -> Question:
    """Disabling keeps name and addresses."""
    (rows, tick), what = _leave(nodes), count(nodes, "", "nodes")
    lead = _they(nodes, "Its session ends", "Their sessions end") + " within 2 seconds and all peers drop "
    lead += _they(nodes, "it. You can enable it again later.", "them. You can enable them again later.")
    return Question(f"Disable {what}?", lead, f"Disable {what}", rows, tick, _keep(nodes))


def ask_delete(nodes: Sequence[Node]) -> Question:
    """Deleting cannot be undone."""
    (rows, tick), what = _leave(nodes), count(nodes, "", "nodes")
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
    return Question(f"Delete {what}?", lead, f"Delete {what}", rows, tick, _keep(nodes))


def ask_expire(nodes: Sequence[Node]) -> Question:
    """An expired node comes back when its owner logs in again."""
    (rows, tick), what = _leave(nodes), count(nodes, "", "nodes")
    lead = "All peers drop " + _they(nodes, "it until its owner registers it again.", "them until they register again.")
    return Question(f"Expire the key of {what}?", lead, "Expire now", rows, tick, _keep(nodes))


def ask_tags(nodes: Sequence[Node]) -> Question:
    """A person's node changes hands when it gets tags: that is said at once, the rest once the tags are known."""
    what = count(nodes, "", "nodes")
    owned = [node for node in nodes if not node.tagged]
    lead = "The tags replace those " + _they(nodes, "it has.", "they have.") + " Rules for these tags apply at once."
    if not owned:
        return Question(f"Set the tags of {what}", lead, "Set tags", keep="Cancel")
    rows, _ = _leave(owned)
    lead += " " + _they(
        owned,
        f"{owned[0].name} belongs to a person now: it will belong to its tags and must register again.",
        f"{len(owned)} nodes belong to people now: they will belong to their tags and must register again.",
    )
    tick = f"Take {count(owned, '', 'nodes')} from the present owner"
    return Question(f"Set the tags of {what}", lead, "Set tags", rows, tick, _keep(nodes))


def weigh_tags(nodes: Sequence[Node], data: dict[str, Any]) -> Question | None:
    """What nodes lose by these tags; None where no node that had tags before loses a peer or a network."""
    tagged = [node for node in nodes if node.tagged]
    found = weigh_by_network(
        tagged, lambda network_id, ids: of_tags(network_id=network_id, tags=dict.fromkeys(ids, data["tags"]))
    )
    if not any(loss.peers or loss.is_worst for item in found for loss in item.losses):
        return None
    what = count(nodes, "", "nodes")
    lead = f"With {', '.join(data['tags'])} other rules apply at once."
    return Question(f"Set the tags of {what}?", lead, "Set tags", rows_of(found), tick_of(found), _keep(nodes))


def ask_owner(nodes: Sequence[Node]) -> Question:
    """Another principal: whoever holds the session must not keep it."""
    rows, tick = _leave(nodes)
    what = count(nodes, "", "nodes")
    lead = "Its session ends and all peers drop it until it registers again, with a key of the new owner. Name and "
    lead += "addresses stay. Routes that the policy approved for its present owner may end."
    return Question(f"Give {what} to another person", lead, "Change the owner", rows, tick, _keep(nodes))


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


def _give(request: HttpRequest, node: Node, data: dict[str, Any]) -> None:
    give_node(node_id=node.pk, owner_id=data["login"].pk, **act(request))


def _undo_tags(node: Node) -> Undo | None:
    """Former tags come back; a former owner does not: the machine must register again anyway."""
    tags = sorted(row.tag for row in node.tags.all())
    return Undo("tags", {"tags": ", ".join(tags), "weighed": weighed_key({"tags": tags})}) if tags else None


def _undo_name(node: Node) -> Undo:
    return Undo("rename", {"name": node.name})


def _is_active(node: Node) -> bool:
    return node.state == Node.State.ACTIVE


def _is_disabled(node: Node) -> bool:
    return node.state == Node.State.DISABLED


def _is_enabled(node: Node) -> bool:
    return node.state != Node.State.DISABLED


def _can_expire(node: Node) -> bool:
    return node.state in (Node.State.ACTIVE, Node.State.PENDING)


def _said(word: str) -> Any:
    return lambda nodes: f"{count(nodes, '', 'nodes')} {'is' if len(nodes) == 1 else 'are'} {word}."


NODE_VERBS = (
    Verb(
        "rename", "Rename", "nodes.manage", _rename, _said("renamed"), ask_name, NameForm,
        bulk=False, undo=_undo_name, minor=True,
    ),
    Verb("address", "Fix address", "nodes.manage", _fix, _said("moved"), ask_address, AddressForm, bulk=False,
         minor=True),
    Verb("owner", "Change the owner", "nodes.manage", _give, _said("handed over"), ask_owner, OwnerForm, bulk=False,
         destroys=True, minor=True),
    Verb("rotate", "Rotate its key", "nodes.manage", _do(request_rotation), _said("told to make a new key"),
         bulk=False, offered=_is_active, minor=True),
    Verb(
        "tags", "Set tags", "nodes.manage", _tag, _said("tagged"), ask_tags, TagsForm,
        weigh=weigh_tags, undo=_undo_tags,
    ),
    Verb(
        "enable", "Enable", "nodes.manage", _do(enable_node), _said("enabled"),
        offered=_is_disabled, undo=lambda node: Undo("disable"),
    ),
    Verb(
        "expire", "Expire key", "nodes.expire", _do(expire_node), _said("expired"), ask_expire,
        destroys=True, offered=_can_expire,
    ),
    Verb(
        "disable", "Disable", "nodes.manage", _do(disable_node), _said("disabled"), ask_disable,
        destroys=True, offered=_is_enabled, undo=lambda node: Undo("enable"),
    ),
    Verb(
        "delete", "Delete", "nodes.manage", _delete, _said("deleted"), ask_delete, destroys=True, may_force=True,
    ),
)  # fmt: skip
