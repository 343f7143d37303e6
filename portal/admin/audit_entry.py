"""The audit trail: who came in, who was refused, who was invited. Its list is that of all events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal import events, html, links
from portal.admin.base import ServiceAdmin
from portal.audit.page import events_page
from portal.audit.sentences import audit_sentence
from portal.sections import Section, facts

_WORDS = {
    "login": "Login",
    "browser": "Browser",
    "method": "Method",
    "path": "Path",
    "reason": "Reason",
    "purpose": "Purpose",
    "link": "Link begins",
    "token": "Token",
    "name": "Name",
    "number": "Number",
    "scopes": "Scopes",
}


class AuditEntryAdmin(ServiceAdmin):
    """Read only: ``sessions_app.services.audit`` writes it."""

    view_right = "changes.view"
    page_title = "Audit trail"
    list_display = ("subject",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The events, those of the audit trail unless others are asked for."""
        return events_page(request, kind="access")

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Resolve names at once."""
        names = events.Names(rows)
        for row in rows:
            row.gw_names = names

    def subject(self, obj: Any) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("sessions_app.auditentry", obj.pk), obj.get_kind_display(), subject=True)

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """What kind it is."""
        return str(obj.get_kind_display())

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """What happened."""
        icon = html.icon(events.ICONS.get(obj.kind, "history"), small=True)
        what = format_html("{} {}", icon, audit_sentence(obj, obj.gw_names))
        return (what, obj.gw_names.actor(obj.actor), html.ago(obj.created_at, timezone.now()))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Who, from where, how often, and what was noted."""
        last = html.ago(obj.last_at, timezone.now()) if obj.count > 1 else ""
        cause = facts(
            ("Actor", html.mono(obj.actor)),
            ("From", html.mono(obj.origin)),
            ("Request", html.mono(obj.request_id)),
            ("At", html.instant(obj.created_at, f"{obj.created_at:%Y-%m-%d %H:%M:%S} UTC")),
            *((("Times", str(obj.count)), ("Last", last)) if obj.count > 1 else ()),
        )
        noted = [
            (_WORDS[key], html.mono(", ".join(value) if isinstance(value, list) else value))
            for key, value in obj.facts.items()
            if key in _WORDS
        ]
        return [Section("Cause", facts=cause), Section("Noted", facts=facts(*noted), empty="Nothing more.")]
