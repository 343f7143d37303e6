"""How networks and workers did, minute by minute: the rows behind the overview's charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from coordinator.samples import map_times
from nodes.models import Sample
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter
from portal.sections import Section, facts


class SampleAdmin(ServiceAdmin):
    """Read only: a periodic task writes them, and drops them when no chart reads them any more."""

    view_right = "network.view"
    lead = "A row a minute for each network and for what all workers did; half hours after two days. Charts read them."
    list_display = ("subject", "whose", "length", "online", "late", "offline", "waiting", "pushes")
    list_filter = (NetworkFilter,)
    search_hint = "Network"
    search_fields = ("network__name",)
    column_css = {"subject": "gw-c-subject"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sample]:
        """With the networks."""
        return super().get_queryset(request).select_related("network")

    @display(description="When", ordering="at")
    def subject(self, obj: Sample) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.sample", obj.pk), f"{obj.at:%Y-%m-%d %H:%M} UTC", subject=True)

    @display(description="Of", ordering="network")
    def whose(self, obj: Sample) -> SafeString:
        """A network, or all workers."""
        if obj.network is None:
            return html.dim("all workers")
        return html.link(links.change_url("nodes.network", obj.network_id or 0), obj.network.name)

    @display(description="Span", ordering="span")
    def length(self, obj: Sample) -> str:
        """A minute or half an hour."""
        return f"{obj.span // 60} min"

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """When it was."""
        return f"{obj.at:%Y-%m-%d %H:%M} UTC"

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """Whose it is."""
        return (self.whose(obj), self.length(obj), html.ago(obj.at, timezone.now()))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """All figures; those that nobody could know are empty."""
        times = map_times(obj.maps)
        built = (
            None if times is None else f"{times.count}, half within {times.p50_ms:.1f} ms, 99 % in {times.p99_ms:.1f}"
        )
        names = ("online", "late", "offline", "waiting", "sessions", "due", "heard", "heartbeats", "pushes", "errors")
        shown = [
            (name.capitalize(), "not measured" if (value := getattr(obj, name)) is None else value) for name in names
        ]
        return [Section("Figures", span=12, facts=facts(*shown, ("Maps built", built or "none, or not measured")))]
