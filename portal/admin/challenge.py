"""Challenges that proved something: kept so that none works twice."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import display
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.sections import Section, facts
from sessions_app.models import UsedChallenge


class UsedChallengeAdmin(ServiceAdmin):
    """Read only: proofs of possession write it, the sweep removes it."""

    view_right = "keys.view"
    lead = "Proofs of possession that were used. Each is kept until it is too old to be replayed."
    list_display = ("subject", "ends")
    column_css = {"subject": "gw-c-subject", "ends": "gw-c-status gw-c-plain"}

    @display(description="Challenge", ordering="pk")
    def subject(self, obj: UsedChallenge) -> SafeString:
        """Its number; the nonce is of no use to anybody."""
        return html.link(links.change_url("sessions_app.usedchallenge", obj.pk), f"number {obj.pk}", subject=True)

    @display(description="Kept until", ordering="expires_at")
    def ends(self, obj: UsedChallenge) -> SafeString:
        """When it may go."""
        return html.until(obj.expires_at, timezone.now())

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """Its number."""
        return f"Challenge {obj.pk}"

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Only the end."""
        return [Section("Challenge", facts=facts(("Kept until", self.ends(obj))))]
