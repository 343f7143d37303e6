"""What went through the tunnels of nodes, hour by hour, and the counters that it is worked out from."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.safestring import SafeString

from nodes.models import TrafficHour, TrafficTotal
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.history import NodeFilter
from portal.sections import Section, facts


class TrafficHourAdmin(ServiceAdmin):
    """Read only: agents tell, retention drops."""

    view_right = "nodes.view"
    lead = "What machines received and sent through their tunnels, as they told themselves."
    list_display = ("subject", "of_hour", "received", "sent")
    list_filter = (NodeFilter,)
    search_fields = ("node__name",)
    search_hint = "Node"
    column_css = {"subject": "gw-c-subject", "of_hour": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrafficHour]:
        """With the nodes."""
        return super().get_queryset(request).select_related("node")

    @display(description="Node", ordering="node__name")
    def subject(self, obj: TrafficHour) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.traffichour", obj.pk), obj.node.name, subject=True)

    @display(description="Hour", ordering="hour")
    def of_hour(self, obj: TrafficHour) -> SafeString:
        """When."""
        return html.instant(obj.hour, f"{obj.hour:%Y-%m-%d %H:00}")

    @display(description="Received", ordering="rx_bytes")
    def received(self, obj: TrafficHour) -> str:
        """In words."""
        return filesizeformat(obj.rx_bytes)

    @display(description="Sent", ordering="tx_bytes")
    def sent(self, obj: TrafficHour) -> str:
        """In words."""
        return filesizeformat(obj.tx_bytes)

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """Whose it is."""
        return f"Traffic of {obj.node.name}"

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        known = facts(
            ("Node", links.node_link(obj.node)),
            ("Hour", self.of_hour(obj)),
            ("Received", self.received(obj)),
            ("Sent", self.sent(obj)),
        )
        return [Section("Traffic", facts=known)]


class TrafficTotalAdmin(ServiceAdmin):
    """Read only: what the next report is held against."""

    view_right = "nodes.view"
    lead = "What the counters of machines said when they last told of them."
    list_display = ("subject", "received", "sent", "told")
    list_filter = (NodeFilter,)
    search_fields = ("node__name",)
    search_hint = "Node"
    column_css = {"subject": "gw-c-subject", "told": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrafficTotal]:
        """With the nodes."""
        return super().get_queryset(request).select_related("node")

    @display(description="Node", ordering="node__name")
    def subject(self, obj: TrafficTotal) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.traffictotal", obj.pk), obj.node.name, subject=True)

    @display(description="Received", ordering="rx_bytes")
    def received(self, obj: TrafficTotal) -> str:
        """In words."""
        return filesizeformat(obj.rx_bytes)

    @display(description="Sent", ordering="tx_bytes")
    def sent(self, obj: TrafficTotal) -> str:
        """In words."""
        return filesizeformat(obj.tx_bytes)

    @display(description="Told", ordering="told_at")
    def told(self, obj: TrafficTotal) -> SafeString:
        """When."""
        return html.ago(obj.told_at, timezone.now())

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """Whose they are."""
        return f"Counters of {obj.node.name}"

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        known = facts(
            ("Node", links.node_link(obj.node)),
            ("Received", self.received(obj)),
            ("Sent", self.sent(obj)),
            ("Told", self.told(obj)),
        )
        return [Section("Counters", facts=known)]
