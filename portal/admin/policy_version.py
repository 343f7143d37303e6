"""Versions of the policy as records: what each said, whole. Also the policy's clock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from acl.models import PolicyBoundary, PolicyClock, PolicyVersion
from acl.selectors.history import facts_of_version
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import ChoiceFilter, NetworkFilter
from portal.policy.who import names_of
from portal.sections import Section, facts

SHOWN = 64 * 1024


class ForcedFilter(ChoiceFilter):
    """Forced or not."""

    title = "objections"
    parameter_name = "forced"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """Both."""
        return {"yes": ("overridden", Q(forced=True)), "no": ("none", Q(forced=False))}


def _page(version: PolicyVersion) -> str:
    """Where the version is compared, and put in force again."""
    query = urlencode({"network": version.network.name})
    return f"{reverse('admin:policy_version', args=[version.number])}?{query}"


def _in_force(version: PolicyVersion) -> bool:
    return version.number == version.network.policy_version


class PolicyVersionAdmin(ServiceAdmin):
    """Every version, whole, for good."""

    view_right = "policy.view"
    lead = "Each change of the policy is a version, kept whole. An earlier one can be put in force again."
    list_display = ("subject", "state", "summary_words", "by", "when", "map")
    list_filter = (NetworkFilter, ForcedFilter)
    search_fields = ("summary", "comment", "actor")
    search_hint = "Summary, comment or actor"
    column_css = {
        "subject": "gw-c-subject",
        "state": "gw-c-status gw-c-plain",
        "summary_words": "gw-c-wide gw-c-plain",
        "by": "gw-c-plain",
        "when": "gw-c-last gw-c-plain",
        "map": "gw-c-minor",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyVersion]:
        """Without the policies themselves."""
        return super().get_queryset(request).select_related("network").defer("facts", "document")

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Who they were, for the page at once."""
        names = names_of(row.actor for row in rows)
        for row in rows:
            row.gw_names = names

    @display(description="Policy", ordering="number")
    def subject(self, obj: PolicyVersion) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("acl.policyversion", obj.pk), f"Policy {obj.number}", subject=True)

    @display(description="State")
    def state(self, obj: PolicyVersion) -> SafeString:
        """In force, or of the past."""
        return html.status("online", "In force") if _in_force(obj) else html.status("offline", "Replaced")

    @display(description="What changed")
    def summary_words(self, obj: PolicyVersion) -> SafeString | str:
        """In a few words."""
        return obj.comment or obj.summary or html.EMPTY

    @display(description="By", ordering="actor")
    def by(self, obj: PolicyVersion) -> SafeString:
        """Who."""
        return obj.gw_names.actor(obj.actor)  # type: ignore[attr-defined,no-any-return]

    @display(description="When", ordering="created_at")
    def when(self, obj: PolicyVersion) -> SafeString:
        """How long ago."""
        return html.ago(obj.created_at, timezone.now())

    @display(description="Map", ordering="map_version")
    def map(self, obj: PolicyVersion) -> SafeString:
        """The map version that it produced."""
        return html.mono(obj.map_version)

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """Its number."""
        return f"Policy {obj.number}"

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """State, who, when."""
        return (self.state(obj), self.by(obj), self.when(obj), html.link(_page(obj), "Compare, or go back to it"))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What it said, whole."""
        text = json.dumps(facts_of_version(obj), indent=2, ensure_ascii=False, sort_keys=True)
        said = [
            Section(
                "Version",
                span=12,
                facts=facts(
                    ("Network", html.link(links.change_url("nodes.network", obj.network_id), obj.network.name)),
                    ("What changed", obj.summary),
                    ("Comment", obj.comment),
                    ("From", html.mono(obj.origin)),
                    ("Map", self.map(obj)),
                ),
            )
        ]
        if obj.objections:
            said.append(Section("Objections that were overridden", span=12, lines=obj.objections))
        if obj.document:
            said.append(_text("Document", obj.document))
        return [*said, _text("Policy", text)]


def _text(title: str, text: str) -> Section:
    data = {"text": text[:SHOWN], "cut": len(text) > SHOWN, "size": len(text)}
    return Section(title, span=12, template="portal/json.html", data=data)


class PolicyClockAdmin(ServiceAdmin):
    """The instant that a policy is compiled for."""

    view_right = "policy.view"
    lead = "The instant that each policy is compiled for, and when a schedule changes something next."
    list_display = ("subject", "compiled_for", "next")
    column_css = {"subject": "gw-c-subject", "compiled_for": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyClock]:
        """With the network."""
        return super().get_queryset(request).select_related("network")

    @display(description="Network")
    def subject(self, obj: PolicyClock) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("acl.policyclock", obj.pk), obj.network.name, subject=True)

    @display(description="Compiled for", ordering="at")
    def compiled_for(self, obj: PolicyClock) -> SafeString:
        """The instant."""
        return html.ago(obj.at, timezone.now())

    @display(description="Next boundary", ordering="next_boundary")
    def next(self, obj: PolicyClock) -> SafeString:
        """When a rule begins or ends next."""
        return html.until(obj.next_boundary, timezone.now(), never="none ahead")

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Both instants."""
        known = facts(("Compiled for", self.compiled_for(obj)), ("Next boundary", self.next(obj)))
        return [Section("Clock", facts=known)]


class PolicyBoundaryAdmin(ServiceAdmin):
    """Boundaries of schedules that were passed."""

    view_right = "policy.view"
    lead = "Instants at which a rule began or ended by its schedule, each written once."
    list_display = ("subject", "map")
    list_filter = (NetworkFilter,)
    column_css = {"subject": "gw-c-subject", "map": "gw-c-status"}

    @display(description="Boundary", ordering="boundary")
    def subject(self, obj: PolicyBoundary) -> SafeString:
        """Leads to its page."""
        at = html.instant(obj.boundary, f"{obj.boundary:%Y-%m-%d %H:%M} UTC")
        return html.link(links.change_url("acl.policyboundary", obj.pk), at, subject=True)

    @display(description="Map", ordering="map_version")
    def map(self, obj: PolicyBoundary) -> SafeString:
        """The map version that it produced."""
        return html.mono(obj.map_version)

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        return [Section("Boundary", facts=facts(("At", self.subject(obj)), ("Map", self.map(obj))))]
