"""The audit trail: who came in, who was refused, who was invited. Its list is that of all events."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString

from portal import html, links
from portal.admin.base import ServiceAdmin


class AuditEntryAdmin(ServiceAdmin):
    """Read only: ``sessions_app.services.audit`` writes it."""

    view_right = "changes.view"
    page_title = "Audit trail"
    lead = "Logins, refusals, invitations. Nothing here can be edited."
    list_display = ("subject", "actor", "origin")

    def subject(self, obj: Any) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("sessions_app.auditentry", obj.pk), obj.get_kind_display(), subject=True)
