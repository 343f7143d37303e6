"""Endpoints of nodes: what agents report, so pages only show them."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from nodes.models import Endpoint
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import ValueFilter
from portal.sections import Section, facts


class KindFilter(ValueFilter):
    """Same network, public, or seen by peers."""

    title = "kind"
    parameter_name = "kind"
    column = "kind"


class EndpointAdmin(ServiceAdmin):
    """Where nodes may be reached from outside the mesh."""

    view_right = "nodes.view"
    related = (("Reports of peers", "nodes.observation"),)
    lead = "Where nodes can be reached from outside the mesh, as their agents report it, or as peers saw them."
    list_display = ("subject", "of", "kind_words")
    list_filter = (KindFilter,)
    search_fields = ("address__startswith", "node__name")
    search_hint = "Address or node"
    column_css = {"subject": "gw-c-subject", "of": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        """With the nodes."""
        return super().get_queryset(request).select_related("node")

    @display(description="Endpoint", ordering="address")
    def subject(self, obj: Endpoint) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.endpoint", obj.pk), html.mono(obj.address), subject=True)

    @display(description="Node", ordering="node__name")
    def of(self, obj: Endpoint) -> SafeString:
        """Whose."""
        return links.node_link(obj.node)

    @display(description="Kind", ordering="kind")
    def kind_words(self, obj: Endpoint) -> str:
        """In words."""
        return obj.get_kind_display()

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        known = facts(("Node", self.of(obj)), ("Kind", self.kind_words(obj)), ("Tried as number", obj.position + 1))
        return [Section("Endpoint", facts=known)]
