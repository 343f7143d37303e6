"""Policies that were put on trial: who tried what, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from acl.models import PolicyTrial
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter
from portal.policy.who import names_of
from portal.sections import Section, facts


class PolicyTrialAdmin(ServiceAdmin):
    """Trials, over or not. They are begun, confirmed and reverted on the pages of Access."""

    view_right = "policy.view"
    lead = "Policies that were put in force for a while: confirmed they stay, else the one before comes back."
    list_display = ("subject", "state", "began_by", "began", "ended")
    list_filter = (NetworkFilter,)
    column_css = {
        "subject": "gw-c-subject",
        "state": "gw-c-status gw-c-plain",
        "began_by": "gw-c-plain",
        "began": "gw-c-last gw-c-plain",
        "ended": "gw-c-plain",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyTrial]:
        """With the network."""
        return super().get_queryset(request).select_related("network")

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Who they were, for the page at once."""
        names = names_of(row.actor for row in rows)
        for row in rows:
            row.gw_names = names

    @display(description="Policy", ordering="number")
    def subject(self, obj: PolicyTrial) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("acl.policytrial", obj.pk), f"Policy {obj.number}", subject=True)

    @display(description="State")
    def state(self, obj: PolicyTrial) -> SafeString:
        """Running, confirmed or reverted."""
        if obj.outcome == PolicyTrial.Outcome.CONFIRMED:
            return html.status("online", "Confirmed")
        if obj.outcome == PolicyTrial.Outcome.REVERTED:
            return html.status("ended", "Reverted")
        return html.status("waiting", "On trial")

    @display(description="Tried by", ordering="actor")
    def began_by(self, obj: PolicyTrial) -> SafeString:
        """Who began it."""
        return obj.gw_names.actor(obj.actor)  # type: ignore[attr-defined,no-any-return]

    @display(description="Began", ordering="began_at")
    def began(self, obj: PolicyTrial) -> SafeString:
        """When."""
        return html.ago(obj.began_at, timezone.now())

    @display(description="Ended", ordering="ended_at")
    def ended(self, obj: PolicyTrial) -> SafeString:
        """When, or when it will."""
        now = timezone.now()
        return html.until(obj.deadline, now) if obj.ended_at is None else html.ago(obj.ended_at, now)

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """Of which policy."""
        return f"Trial of policy {obj.number}"

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """State, who, when."""
        return (self.state(obj), self.began_by(obj), self.began(obj))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """All there is to know."""
        return [
            Section(
                "Trial",
                span=12,
                facts=facts(
                    ("Network", html.link(links.change_url("nodes.network", obj.network_id), obj.network.name)),
                    ("Policy before", obj.former),
                    ("To confirm until", html.instant(obj.deadline, f"{obj.deadline:%Y-%m-%d %H:%M:%S} UTC")),
                    ("Ended", self.ended(obj) if obj.ended_at else ""),
                    ("Ended by", names_of([obj.ended_by]).actor(obj.ended_by) if obj.ended_by else ""),
                    ("Policy after", obj.result or ""),
                    ("Could not be reverted", obj.problem),
                ),
            )
        ]
