"""When nodes were online: spans made from the log of changes, and how far the log was read for them."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from nodes.models import HistoryCursor, OnlineSpan
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import IdFilter
from portal.sections import Section, facts


class NodeFilter(IdFilter):
    """One node's, from a link on its page."""

    title = "node"
    parameter_name = "node"
    column = "node"


class OnlineSpanAdmin(ServiceAdmin):
    """Read only: the log of changes writes it, retention drops it."""

    view_right = "nodes.view"
    lead = "From when to when machines were online, as their peers were told. A page of a node adds it up by day."
    list_display = ("subject", "since", "until")
    list_filter = (NodeFilter,)
    search_fields = ("node__name",)
    search_hint = "Node"
    column_css = {"subject": "gw-c-subject", "since": "gw-c-status gw-c-plain", "until": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[OnlineSpan]:
        """With the nodes."""
        return super().get_queryset(request).select_related("node")

    @display(description="Node", ordering="node__name")
    def subject(self, obj: OnlineSpan) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.onlinespan", obj.pk), obj.node.name, subject=True)

    @display(description="Came online", ordering="began")
    def since(self, obj: OnlineSpan) -> SafeString:
        """When it came."""
        return html.ago(obj.began, timezone.now())

    @display(description="Was last heard", ordering="ended")
    def until(self, obj: OnlineSpan) -> SafeString:
        """When it fell silent."""
        return html.ago(obj.ended, timezone.now(), never="is online")

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """Whose span it is."""
        return f"{obj.node.name} online"

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        node = html.link(links.change_url("nodes.node", obj.node_id), obj.node.name)
        known = facts(("Node", node), ("Came online", self.since(obj)), ("Was last heard", self.until(obj)))
        return [Section("Online", facts=known)]


class HistoryCursorAdmin(ServiceAdmin):
    """How far the log was read."""

    view_right = "network.view"
    lead = "How far the log of changes of each network was read into the history of its machines."
    list_display = ("subject", "version")
    column_css = {"subject": "gw-c-subject", "version": "gw-c-status"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[HistoryCursor]:
        """With the network."""
        return super().get_queryset(request).select_related("network")

    @display(description="Network")
    def subject(self, obj: HistoryCursor) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.historycursor", obj.pk), obj.network.name, subject=True)

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Both versions."""
        read, present = html.mono(obj.version), html.mono(obj.network.map_version)
        return [Section("History", facts=facts(("Read up to", read), ("Map is at", present)))]
