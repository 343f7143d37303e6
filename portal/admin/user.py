"""People: who they are, what they may do, and whether they may at all."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from coordinator.invitations import Invitation, invite_user, make_password_link
from mesh.errors import GhostWireError
from mesh.tokens import RANDOM_BYTES
from nodes.models import Node
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import ChoiceFilter
from portal.cause import act
from portal.enrolment import portal_url
from portal.people.person_forms import NewPersonForm, PersonForm
from portal.people.person_verbs import VERBS, guard
from portal.people.qr import qr_image
from portal.sections import Section, facts
from portal.verbs import Verb
from sessions_app.models import ApiToken, PortalSession, User
from sessions_app.roles import allows
from sessions_app.services.password_links import live_link_of
from sessions_app.services.users import create_user, update_user


class RoleFilter(ChoiceFilter):
    """Roles."""

    title = "role"
    parameter_name = "role"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """All six."""
        return {value: (words, Q(role=value)) for value, words in User.Role.choices}


class ActiveFilter(ChoiceFilter):
    """Active or disabled."""

    title = "state"
    parameter_name = "state"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """Both."""
        return {"active": ("active", Q(is_active=True)), "disabled": ("disabled", Q(is_active=False))}


class UserAdmin(ServiceAdmin):
    """Who may do what."""

    view_right = "users.view"
    edit_right = "users.manage"
    add_form = NewPersonForm
    edit_form = PersonForm
    add_label = "New user"
    add_icon = "person_add"
    verbs = VERBS
    related = (("Invitations and links", "sessions_app.passwordlink"), ("API tokens", "sessions_app.apitoken"))
    lead = "People own machines and run the portal. Disabling one cuts off its machines."
    list_display = ("subject", "name", "state", "role_words", "node_count", "seen")
    list_filter = (RoleFilter, ActiveFilter)
    search_fields = ("username", "display_name", "email")
    search_hint = "Login, name or e-mail"
    search_in = "its login, name or e-mail"
    column_css = {
        "subject": "gw-c-subject",
        "state": "gw-c-status gw-c-plain",
        "name": "gw-c-wide gw-c-plain",
        "node_count": "gw-c-minor",
        "seen": "gw-c-last",
    }

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """How many nodes each owns and when it was seen: three queries."""
        owned = Node.objects.filter(owner_id__in=[row.pk for row in rows]).order_by()
        counts = dict(owned.values_list("owner_id").annotate(n=Count("pk")))
        ids = [row.pk for row in rows]
        browsers = PortalSession.objects.filter(user_id__in=ids).order_by().values_list("user_id")
        here = dict(browsers.annotate(at=Max("seen_at")))
        programs = ApiToken.objects.filter(user_id__in=ids).order_by().values_list("user_id")
        used = dict(programs.annotate(at=Max("last_used_at")))
        for row in rows:
            row.gw_nodes = counts.get(row.pk, 0)
            row.gw_seen = (here.get(row.pk), used.get(row.pk))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Owners are changed by owners alone."""
        if obj is not None and obj.role == User.Role.OWNER and not allows(request.user, "owners.manage"):
            return False
        return super().has_change_permission(request, obj)

    def verbs_for(self, request: HttpRequest, obj: Any) -> list[Verb]:
        """Owners are acted upon by owners alone."""
        if obj.role == User.Role.OWNER and not allows(request.user, "owners.manage"):
            return []
        return super().verbs_for(request, obj)

    def create(self, request: HttpRequest, data: dict[str, Any]) -> User | HttpResponse:
        """By its service; who is invited gets a link, which this very answer shows."""
        if data["role"] == User.Role.OWNER and not allows(request.user, "owners.manage"):
            raise PermissionDenied
        password, invite = data.pop("password") or None, data.pop("invite")
        if password is not None or not invite:
            return create_user(password=password, **data, **act(request))
        return self._show_link(request, invite_user(**self._link_options(request), **data))

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """A link is shown in the answer that makes it; all else as everywhere."""
        verb = self.find_verb(name)
        if name != "link" or verb is None or request.method != "POST" or "confirmed" not in request.POST:
            return super().act_view(request, object_id, name)
        user = self.find(request, object_id)
        self.demand(request, verb)
        guard(request, user)
        try:
            made = make_password_link(user_id=user.pk, **self._link_options(request))
        except GhostWireError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(self.url("change", user.pk))
        return self._show_link(request, made)

    def _link_options(self, request: HttpRequest) -> dict[str, Any]:
        random32 = secrets.token_bytes(RANDOM_BYTES)
        return {"actor": request.user, "random32": random32, "portal_url": portal_url(request), **act(request)}

    def _show_link(self, request: HttpRequest, made: Invitation) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Hand on the link",
            "gw_crumbs": [{"label": self.list_title(), "url": self.url("changelist")}],
            "made": made,
            "qr": qr_image(made.url),
            "user_url": self.url("change", made.user.pk),
        }
        response = TemplateResponse(request, "portal/people/link_once.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def update(self, request: HttpRequest, obj: Any, data: dict[str, Any]) -> None:
        """By its service."""
        if data["role"] == User.Role.OWNER and not allows(request.user, "owners.manage"):
            raise PermissionDenied
        update_user(user_id=obj.pk, **data, **act(request))

    @display(description="User", ordering="username")
    def subject(self, obj: User) -> SafeString:
        """The login."""
        return html.link(links.change_url("sessions_app.user", obj.pk), obj.username, subject=True)

    @display(description="Name", ordering="display_name")
    def name(self, obj: User) -> str:
        """What people call it."""
        return obj.display_name

    @display(description="State", ordering="is_active")
    def state(self, obj: User) -> SafeString:
        """Active or disabled."""
        return html.status("online", "Active") if obj.is_active else html.status("disabled")

    @display(description="Role", ordering="role")
    def role_words(self, obj: User) -> str:
        """In words."""
        return obj.get_role_display()

    @display(description="Nodes")
    def node_count(self, obj: User) -> SafeString:
        """How many it owns."""
        number = obj.gw_nodes  # type: ignore[attr-defined]
        if not number:
            return html.dim("none")
        return html.link(links.list_url("nodes.node", f"owner={obj.pk}"), html.many(number, "node"))

    @display(description="Last seen", ordering="last_login")
    def seen(self, obj: User) -> SafeString:
        """When it was last here: in a browser, or by a program of its own."""
        times = (obj.last_login, *getattr(obj, "gw_seen", ()))
        return html.ago(max((at for at in times if at is not None), default=None), timezone.now())

    def _open_link(self, user: User) -> Any:
        link = live_link_of(user, timezone.now())
        if link is None:
            return html.dim("none")
        url = links.change_url("sessions_app.passwordlink", link.pk)
        return format_html(
            "{}, ends {}", html.link(url, link.get_purpose_display()), html.until(link.expires_at, timezone.now())
        )

    def heading(self, request: HttpRequest, obj: Any) -> SafeString:
        """Name and login."""
        if obj.display_name:
            return format_html("<span>{} <span>{}</span></span>", obj.display_name, obj.username)
        return format_html("{}", obj.username)

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """State and role."""
        return (self.state(obj), self.role_words(obj))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What it owns and belongs to."""
        groups = [
            html.chip(str(row.group), url=links.change_url("acl.group", row.group_id))
            for row in obj.memberships.select_related("group")
        ]
        return [
            Section(
                "Person",
                facts=facts(
                    ("Policies say", html.chip(f"user:{obj.username}")),
                    ("E-mail", obj.email),
                    ("Nodes", self.node_count(obj)),
                    ("Last seen", self.seen(obj)),
                    ("Last login", html.ago(obj.last_login, timezone.now())),
                    (
                        "Logged in",
                        html.many(obj.portal_sessions.filter(expire_date__gt=timezone.now()).count(), "browser"),
                    ),
                    ("Password", "set" if obj.has_usable_password() else "none: nobody can log in"),
                    ("Link", self._open_link(obj)),
                    ("Since", html.ago(obj.date_joined, timezone.now())),
                ),
            ),
            Section("Groups", lines=groups, count=len(groups), empty="In no group."),
        ]
