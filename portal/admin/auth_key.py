"""Auth keys: the way in for machines. The secret is shown once, in the answer that makes the key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import IdFilter, NetworkFilter, TabFilter, tally
from portal.cause import act
from portal.sections import Section, facts
from portal.verbs import Question, Row, Verb, count
from sessions_app.models import AuthKey, AuthKeyUse
from sessions_app.roles import allows
from sessions_app.services.auth_keys import revoke_auth_key, usable


class KeyTabs(TabFilter):
    """Those that work, and those that do not any more."""

    title = "state"
    parameter_name = "state"
    always = ("usable",)

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """By the row and the clock."""
        now = timezone.now()
        return {
            "usable": ("Usable", usable(now)),
            "used": ("Used up", Q(revoked_at=None, max_uses__isnull=False, uses__gte=F("max_uses"))),
            "expired": ("Expired", Q(revoked_at=None, expires_at__lte=now)),
            "revoked": ("Revoked", Q(revoked_at__isnull=False)),
        }

    def glyphs(self) -> dict[str, str]:
        """Usable ones are lit."""
        return {"usable": "online", "used": "offline", "expired": "expired", "revoked": "disabled"}

    def counts(self, cl: ChangeList) -> dict[str, int]:
        """One query."""
        return tally(AuthKey, self.options(self.request))


class OwnerFilter(IdFilter):
    """Whose machines."""

    title = "owner"
    parameter_name = "owner"
    column = "owner_id"
    label_column = "owner__username"


def _use_words(uses: int) -> str:
    return f"let in {html.many(uses, 'machine')}, which stay" if uses else "was never used"


def _ask(keys: Sequence[AuthKey]) -> Question:
    what = count(keys, "", "keys")
    rows = [Row(str(key), _use_words(key.uses)) for key in keys]
    lead = "No machine can enrol with it any more. Machines that it let in stay."
    return Question(f"Revoke {what}?", lead, f"Revoke {what}", rows, keep="Keep")


def _revoke(request: HttpRequest, key: AuthKey, data: dict[str, Any]) -> None:
    revoke_auth_key(auth_key_id=key.pk, **act(request))


def key_facts(key: AuthKey) -> Sequence[tuple[str, Any]]:
    """What a key may do, as label and value."""
    return facts(
        ("Name", key.name),
        ("Begins", html.mono(f"{key.hint}…")),
        ("Belong to", html.chips(key.tags) if key.tagged else links.person(key.owner)),
        ("Uses", f"{key.uses} of {key.max_uses}" if key.max_uses is not None else f"{key.uses}, no limit"),
        ("Nodes", "ephemeral" if key.ephemeral else html.dim("lasting")),
        ("Approval", "not needed" if key.pre_approved else "where the network wants it"),
        ("Ends", html.until(key.expires_at, timezone.now())),
        ("Made by", links.person(key.created_by)),
        ("Last used", html.ago(key.last_used_at, timezone.now())),
    )


class AuthKeyAdmin(ServiceAdmin):
    """Enrolment."""

    page_title = "Enrol"
    view_right = "keys.view"
    add_label = "Enrol a machine"
    add_icon = "add_link"
    verbs = (
        Verb(
            "revoke",
            "Revoke",
            "keys.manage",
            _revoke,
            lambda keys: f"Revoked: {count(keys, '', 'keys')}.",
            _ask,
            destroys=True,
            offered=lambda key: key.revoked_at is None,
        ),
    )
    related = (("Uses", "sessions_app.authkeyuse"),)
    empty_title = "No auth key yet"
    empty_text = "A key and one line on a machine bring it into the mesh. The key is shown once."
    list_display = ("subject", "state", "for_whom", "use_count", "kind", "ends", "made")
    list_filter = (KeyTabs, NetworkFilter, OwnerFilter)
    search_fields = ("name", "hint__startswith", "owner__username")
    search_hint = "Name, owner or the key's beginning"
    search_in = "its name, owner or beginning"
    column_css = {
        "subject": "gw-c-subject",
        "state": "gw-c-status gw-c-plain",
        "for_whom": "gw-c-wide gw-c-plain",
        "kind": "gw-c-minor",
        "made": "gw-c-minor",
        "ends": "gw-c-last",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuthKey]:
        """With the people."""
        return super().get_queryset(request).select_related("owner", "created_by", "network")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Keys are made where their machines are followed."""
        if not allows(request.user, "keys.manage"):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:enrol"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With the way to a new one."""
        add = {"gw_add_url": reverse("admin:enrol")} if allows(request.user, "keys.manage") else {}
        return super().changelist_view(request, {**add, **(extra_context or {})})

    @display(description="Key", ordering="name")
    def subject(self, obj: AuthKey) -> SafeString:
        """Name, and how the key begins."""
        link = html.link(links.change_url("sessions_app.authkey", obj.pk), obj.name or f"{obj.hint}…", subject=True)
        return format_html('{} <span class="gw-mono gw-dim">{}</span>', link, f"{obj.hint}…" if obj.name else "")

    @display(description="State")
    def state(self, obj: AuthKey) -> SafeString:
        """Whether it lets one more machine in."""
        now = timezone.now()
        if obj.revoked_at is not None:
            return html.status("disabled", "Revoked")
        if obj.expires_at is not None and obj.expires_at <= now:
            return html.status("ended", "Expired")
        if obj.max_uses is not None and obj.uses >= obj.max_uses:
            return html.status("offline", "Used up")
        return html.status("online", "Usable")

    @display(description="Machines belong to")
    def for_whom(self, obj: AuthKey) -> SafeString:
        """A person or tags."""
        return html.chips(obj.tags) if obj.tagged else links.person(obj.owner)

    @display(description="Uses", ordering="uses")
    def use_count(self, obj: AuthKey) -> str:
        """So many of so many."""
        return f"{obj.uses} of {obj.max_uses}" if obj.max_uses is not None else f"{obj.uses}, no limit"

    @display(description="Nodes")
    def kind(self, obj: AuthKey) -> SafeString | str:
        """Ephemeral or lasting."""
        return "ephemeral" if obj.ephemeral else html.dim("lasting")

    @display(description="Ends", ordering="expires_at")
    def ends(self, obj: AuthKey) -> SafeString:
        """When."""
        return html.until(obj.expires_at, timezone.now())

    @display(description="Made", ordering="created_at")
    def made(self, obj: AuthKey) -> SafeString:
        """When, by whom on hover."""
        return html.ago(obj.created_at, timezone.now())

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """State and owner."""
        return (self.state(obj), self.for_whom(obj))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What it may do, and whom it let in."""
        uses = AuthKeyUse.objects.filter(auth_key=obj).select_related("node").order_by("-created_at")
        lines = [
            format_html(
                '{}<span class="gw-end gw-dim">{}</span>',
                links.node_link(use.node, subject=True),
                html.ago(use.created_at, timezone.now()),
            )
            for use in uses[:20]
        ]
        follow = ("Follow them", reverse("admin:enrol_follow", args=[obj.pk]))
        return [
            Section(
                "This key",
                facts=key_facts(obj),
            ),
            Section("Machines that used it", lines=lines, count=obj.uses, empty="None yet.", link=follow),
        ]


class AuthKeyUseAdmin(ServiceAdmin):
    """Which key made which node."""

    view_right = "keys.view"
    lead = "Which auth key let which node in."
    list_display = ("subject", "key", "when")
    search_fields = ("node__name", "auth_key__name")
    column_css = {"subject": "gw-c-subject", "when": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuthKeyUse]:
        """With both ends."""
        return super().get_queryset(request).select_related("node", "auth_key")

    @display(description="Node", ordering="node__name")
    def subject(self, obj: AuthKeyUse) -> SafeString:
        """Leads to this record."""
        return html.link(links.change_url("sessions_app.authkeyuse", obj.pk), obj.node.name, subject=True)

    @display(description="Key")
    def key(self, obj: AuthKeyUse) -> SafeString:
        """The key."""
        return html.link(links.change_url("sessions_app.authkey", obj.auth_key_id), str(obj.auth_key))

    @display(description="When", ordering="created_at")
    def when(self, obj: AuthKeyUse) -> SafeString:
        """How long ago."""
        return html.ago(obj.created_at, timezone.now())

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Both ends."""
        known = facts(("Node", links.node_link(obj.node)), ("Key", self.key(obj)), ("When", self.when(obj)))
        return [Section("Use", facts=known)]
