"""Links by which people set their own password. They are made on a person's page, and shown there once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import ChoiceFilter
from portal.cause import act
from portal.sections import Section, facts
from portal.verbs import Question, Row, Verb
from sessions_app.models import PasswordLink
from sessions_app.roles import may_manage_person
from sessions_app.services.password_links import revoke_password_link


class StateFilter(ChoiceFilter):
    """Live or not."""

    title = "state"
    parameter_name = "state"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """By the row and the clock."""
        now = timezone.now()
        unspent = Q(used_at=None, revoked_at=None)
        return {
            "open": ("open", unspent & Q(expires_at__gt=now)),
            "used": ("used", Q(used_at__isnull=False)),
            "revoked": ("revoked", Q(revoked_at__isnull=False)),
            "expired": ("expired", unspent & Q(expires_at__lte=now)),
        }


def is_open(link: PasswordLink) -> bool:
    """Whether it may still be used, as far as its row says."""
    return link.used_at is None and link.revoked_at is None and link.expires_at > timezone.now()


def _ask(rows: Sequence[PasswordLink]) -> Question:
    what = f"{len(rows)} links" if len(rows) > 1 else f"the link of {rows[0].user.username}"
    lines = [Row(row.user.username, f"cannot use this {row.get_purpose_display().lower()} any more") for row in rows]
    return Question(f"Revoke {what}?", "Another one can be made.", "Revoke", lines, keep="Keep")


def _revoke(request: HttpRequest, link: PasswordLink, data: dict[str, Any]) -> None:
    if not may_manage_person(request.user, link.user.role):
        raise PermissionDenied
    revoke_password_link(user_id=link.user_id, **act(request))


class PasswordLinkAdmin(ServiceAdmin):
    """Invitations, and links after a password was forgotten."""

    view_right = "users.view"
    page_title = "Invitations and links"
    verbs = (
        Verb(
            "revoke",
            "Revoke",
            "users.manage",
            _revoke,
            lambda rows: "Revoked.",
            _ask,
            destroys=True,
            offered=is_open,
        ),
    )
    lead = "Each lets one person set a password, once. They are made on a person's page."
    empty_text = "Invite somebody on the page of users."
    list_display = ("subject", "state", "person", "maker", "made", "ends")
    list_filter = (StateFilter,)
    search_fields = ("user__username", "hint__startswith")
    search_hint = "User or the link's beginning"
    column_css = {"subject": "gw-c-subject", "state": "gw-c-status gw-c-plain", "person": "gw-c-wide gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[PasswordLink]:
        """With the people, without the digests."""
        return super().get_queryset(request).select_related("user", "created_by").defer("digest")

    @display(description="Link", ordering="pk")
    def subject(self, obj: PasswordLink) -> SafeString:
        """What it is and how it begins."""
        url = links.change_url("sessions_app.passwordlink", obj.pk)
        link = html.link(url, obj.get_purpose_display(), subject=True)
        return format_html('{} <span class="gw-mono gw-dim">{}…</span>', link, obj.hint)

    @display(description="State")
    def state(self, obj: PasswordLink) -> SafeString:
        """Open or not."""
        if obj.used_at is not None:
            return html.status("online", "Used")
        if obj.revoked_at is not None:
            return html.status("disabled", "Revoked")
        return html.status("waiting", "Open") if is_open(obj) else html.status("ended", "Expired")

    @display(description="For", ordering="user__username")
    def person(self, obj: PasswordLink) -> SafeString:
        """Whose password it sets."""
        return links.person(obj.user)

    @display(description="Made by")
    def maker(self, obj: PasswordLink) -> SafeString:
        """Who has seen it."""
        return html.dim("a command") if obj.created_by_id is None else links.person(obj.created_by)

    @display(description="Made", ordering="created_at")
    def made(self, obj: PasswordLink) -> SafeString:
        """When."""
        return html.ago(obj.created_at, timezone.now())

    @display(description="Ends", ordering="expires_at")
    def ends(self, obj: PasswordLink) -> SafeString:
        """When."""
        return html.until(obj.expires_at, timezone.now())

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """State and person."""
        return (self.state(obj), self.person(obj))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        now = timezone.now()
        known = facts(
            ("Begins", html.mono(f"{obj.hint}…")),
            ("For", self.person(obj)),
            ("Made by", self.maker(obj)),
            ("Made", self.made(obj)),
            ("Ends", self.ends(obj)),
            ("Used", html.ago(obj.used_at, now)),
        )
        return [Section("This link", facts=known)]
