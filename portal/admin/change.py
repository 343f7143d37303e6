"""The change log: every step of the map, who caused it, and the full facts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nodes.models import Change
from portal import events, html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import ChoiceFilter, NetworkFilter, ValueFilter
from portal.sections import Section, facts

SHOWN_BYTES = 64 * 1024


class KindFilter(ValueFilter):
    """What changed."""

    title = "kind"
    parameter_name = "kind"
    column = "kind"


class ActorFilter(ChoiceFilter):
    """Who did it, by kind."""

    title = "by"
    parameter_name = "by"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """People, agents, commands, the portal."""
        return {
            "people": ("a person", Q(actor__startswith="user:")),
            "agents": ("an agent", Q(actor__startswith="node:")),
            "commands": ("a command", Q(actor="command")),
            "portal": ("the portal", Q(actor__startswith="system:")),
            "registration": ("a registration", Q(actor="registration")),
        }


class TimeFilter(ChoiceFilter):
    """When."""

    title = "time"
    parameter_name = "within"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """The last hour, day, week."""
        now = timezone.now()
        return {
            "hour": ("last hour", Q(created_at__gte=now - timedelta(hours=1))),
            "day": ("last day", Q(created_at__gte=now - timedelta(days=1))),
            "week": ("last week", Q(created_at__gte=now - timedelta(days=7))),
        }


class ChangeAdmin(ServiceAdmin):
    """Read only: ``nodes.changes.record_change`` writes it."""

    page_title = "Events"
    view_right = "changes.view"
    lead = "Every step of the map, who caused it and from where. Nothing here can be edited."
    empty_text = "The first change appears when a machine joins or someone changes a setting."
    list_display = ("subject", "what", "actor_words", "kind", "origin_mono", "when")
    list_filter = (NetworkFilter, KindFilter, ActorFilter, TimeFilter)
    search_fields = ("actor",)
    search_hint = "Version, actor, address or request"
    search_in = "its version, actor, origin or request"
    search_tip = "Actors are written user:7, node:12, command or system:sweep."
    column_css = {
        "subject": "gw-c-subject",
        "what": "gw-c-wide gw-c-plain gw-c-told",
        "actor_words": "gw-c-told",
        "when": "gw-c-status gw-c-plain",
        "kind": "gw-c-minor",
        "origin_mono": "gw-c-minor",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Change]:
        """With the network."""
        return super().get_queryset(request).select_related("network")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The latest first."""
        return ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Change], search_term: str
    ) -> tuple[QuerySet[Change], bool]:
        """A number is a version; anything else is looked up whole."""
        term = search_term.replace("\x00", "").strip()
        if not term:
            return queryset, False
        if term.isascii() and term.isdigit():
            return queryset.filter(version=int(term[:18])), False
        return queryset.filter(Q(actor=term) | Q(origin=term) | Q(request_id=term) | Q(kind=term)), False

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Resolve the names of the page at once."""
        names = events.Names(rows)
        for row in rows:
            row.gw_names = names

    @display(description="Map", ordering="version")
    def subject(self, obj: Change) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.change", obj.pk), html.mono(obj.version), subject=True)

    @display(description="What happened")
    def what(self, obj: Change) -> SafeString:
        """One sentence."""
        icon = html.icon(events.ICONS.get(obj.kind, "history"), small=True)
        return format_html("{} {}", icon, events.sentence(obj, obj.gw_names))  # type: ignore[attr-defined]

    @display(description="Who", ordering="actor")
    def actor_words(self, obj: Change) -> SafeString:
        """A person, an agent, the portal."""
        names: events.Names = obj.gw_names  # type: ignore[attr-defined]
        return names.actor(obj.actor)

    @display(description="From")
    def origin_mono(self, obj: Change) -> SafeString:
        """The caller's address."""
        return html.mono(obj.origin)

    @display(description="When", ordering="created_at")
    def when(self, obj: Change) -> SafeString:
        """How long ago."""
        return html.ago(obj.created_at, timezone.now())

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """The version."""
        return f"Map {obj.version}"

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """What happened."""
        return (self.what(obj), self.actor_words(obj), self.when(obj))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Who, from where, and the facts as they were stored."""
        text = json.dumps(obj.facts, indent=2, ensure_ascii=False, sort_keys=True)
        return [
            Section(
                "Cause",
                span=12,
                facts=facts(
                    ("Network", html.link(links.change_url("nodes.network", obj.network_id), obj.network.name)),
                    ("Kind", html.mono(obj.kind)),
                    ("Actor", html.mono(obj.actor)),
                    ("From", html.mono(obj.origin)),
                    ("Request", html.mono(obj.request_id)),
                    ("At", html.instant(obj.created_at, f"{obj.created_at:%Y-%m-%d %H:%M:%S} UTC")),
                ),
            ),
            Section(
                "Facts",
                span=12,
                template="portal/json.html",
                data={"text": text[:SHOWN_BYTES], "cut": len(text) > SHOWN_BYTES, "size": len(text)},
            ),
        ]
