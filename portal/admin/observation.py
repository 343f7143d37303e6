"""Where peers saw nodes, report by report: agents write them, time drops them, so pages only show them."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from nodes.models import Observation
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.sections import Section, facts


class ObservationAdmin(ServiceAdmin):
    """What the endpoints of kind "seen by peers" are made of."""

    view_right = "nodes.view"
    lead = (
        "From where peers got packets of nodes. What most agree on is offered to others, after a node's own endpoints."
    )
    list_display = ("subject", "of", "by", "seen")
    search_fields = ("address__startswith", "node__name", "reporter__name")
    search_hint = "Address or node"
    column_css = {"subject": "gw-c-subject", "of": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Observation]:
        """With the nodes."""
        return super().get_queryset(request).select_related("node", "reporter")

    @display(description="Address", ordering="address")
    def subject(self, obj: Observation) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.observation", obj.pk), html.mono(obj.address), subject=True)

    @display(description="Node", ordering="node__name")
    def of(self, obj: Observation) -> SafeString:
        """Who was seen."""
        return links.node_link(obj.node)

    @display(description="Seen by", ordering="reporter__name")
    def by(self, obj: Observation) -> SafeString:
        """Who saw it."""
        return links.node_link(obj.reporter)

    @display(description="Last seen there", ordering="seen_at")
    def seen(self, obj: Observation) -> SafeString:
        """When."""
        return html.ago(obj.seen_at, timezone.now())

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        since = html.ago(obj.since, timezone.now())
        known = facts(("Node", self.of(obj)), ("Seen by", self.by(obj)), ("Since", since), ("Last", self.seen(obj)))
        return [Section("Observation", facts=known)]
