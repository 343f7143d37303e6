"""Tags that policies may name, and who may give them. Also the tags that nodes carry."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import display
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from acl.models import TagOwner
from acl.selectors import labels_for
from acl.services.tags import delete_tag, save_tag
from mesh.policy import format_selector, parse_stored
from nodes.models import NodeTag
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter
from portal.admin.group import ask_delete, rules_section
from portal.cause import act
from portal.forms import ListField, PolicyForm
from portal.sections import Section, facts
from portal.verbs import Verb, count


class TagForm(PolicyForm):
    """A tag and its owners."""

    tag = forms.CharField(max_length=67, help_text="web or tag:web. It stays: rules refer to it.")
    owners = ListField(
        required=False,
        help_text="Who may give it to a machine: user:ana, group:ops, tag:deploy. Empty: only who manages nodes.",
    )
    comment = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    field_css = {"tag": "gw-field-mono", "owners": "gw-field-mono"}

    def initial_of(self, obj: Any) -> dict[str, Any]:
        """Owners by their present names."""
        labels = labels_for(obj.owners)
        owners = [format_selector(parse_stored(item), labels) for item in obj.owners]
        return {"tag": obj.tag, "owners": owners, "comment": obj.comment}

    def prepare(self) -> None:
        """A tag keeps its name."""
        super().prepare()
        if self.obj is not None:
            self.fields["tag"].disabled = True


def _delete(request: HttpRequest, tag: TagOwner, data: dict[str, Any]) -> None:
    delete_tag(tag_owner_id=tag.pk, forced=data["forced"], **act(request))


class TagOwnerAdmin(ServiceAdmin):
    """Declared tags."""

    view_right = "policy.view"
    edit_right = "policy.manage"
    add_form = edit_form = TagForm
    add_label = "New tag"
    verbs = (
        Verb(
            "delete",
            "Delete",
            "policy.manage",
            _delete,
            lambda rows: f"Deleted: {count(rows, '', 'tags')}.",
            ask_delete("tag"),
            destroys=True,
            may_force=True,
        ),
    )
    lead = "Names for kinds of machines. A tagged machine belongs to its tags and to no person."
    empty_text = "Declare a tag here, name it in rules, and give it to machines with an auth key."
    list_display = ("subject", "node_count", "owner_chips", "note")
    list_filter = (NetworkFilter,)
    search_fields = ("tag", "comment")
    search_hint = "Tag or comment"
    column_css = {
        "subject": "gw-c-subject",
        "node_count": "gw-c-status gw-c-plain",
        "owner_chips": "gw-c-wide",
        "note": "gw-c-wide gw-c-plain",
    }

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Owners' names and numbers of nodes, for the page at once."""
        labels = labels_for([text for row in rows for text in row.owners])
        tags = NodeTag.objects.filter(tag__in=[row.tag for row in rows]).order_by()
        counts = {
            (network, tag): number
            for network, tag, number in tags.values_list("node__network_id", "tag").annotate(n=Count("pk"))
        }
        for row in rows:
            row.gw_labels, row.gw_nodes = labels, counts.get((row.network_id, row.tag), 0)

    def create(self, request: HttpRequest, data: dict[str, Any]) -> TagOwner:
        """By its service."""
        network = data.pop("network")
        return save_tag(network_id=network.pk, **data, **act(request))

    def update(self, request: HttpRequest, obj: Any, data: dict[str, Any]) -> None:
        """By its service."""
        save_tag(network_id=obj.network_id, tag_owner_id=obj.pk, **data, **act(request))

    @display(description="Tag", ordering="tag")
    def subject(self, obj: TagOwner) -> SafeString:
        """A square chip."""
        return html.chip(obj.tag, url=links.change_url("acl.tagowner", obj.pk))

    @display(description="Nodes")
    def node_count(self, obj: TagOwner) -> SafeString:
        """How many carry it."""
        number = obj.gw_nodes  # type: ignore[attr-defined]
        if not number:
            return html.dim("no node")
        return html.link(links.list_url("nodes.node", f"tag={obj.tag.removeprefix('tag:')}"), html.many(number, "node"))

    @display(description="Owners")
    def owner_chips(self, obj: TagOwner) -> SafeString:
        """Who may give it."""
        if not obj.owners:
            return html.dim("administrators")
        return links.selector_chips(obj.owners, obj.gw_labels)  # type: ignore[attr-defined]

    @display(description="Comment")
    def note(self, obj: TagOwner) -> str:
        """What it is for."""
        return obj.comment

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Who carries it, who may give it, which rules name it."""
        known = facts(("Carried by", self.node_count(obj)), ("Owners", self.owner_chips(obj)))
        return [Section("Use", facts=known), rules_section(obj.tag)]


class NodeTagAdmin(ServiceAdmin):
    """Tags as nodes carry them; a node's page sets them."""

    view_right = "nodes.view"
    lead = "Which node carries which tag. A node's page sets its tags."
    list_display = ("subject", "on")
    search_fields = ("tag", "node__name")
    column_css = {"subject": "gw-c-subject", "on": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[NodeTag]:
        """With the nodes."""
        return super().get_queryset(request).select_related("node")

    @display(description="Tag", ordering="tag")
    def subject(self, obj: NodeTag) -> SafeString:
        """A square chip."""
        return html.chip(obj.tag, url=links.change_url("nodes.nodetag", obj.pk))

    @display(description="Node", ordering="node__name")
    def on(self, obj: NodeTag) -> SafeString:
        """Who carries it."""
        return links.node_link(obj.node)

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Both ends."""
        return [Section("Tag", facts=facts(("Tag", html.chip(obj.tag)), ("Node", self.on(obj))))]
