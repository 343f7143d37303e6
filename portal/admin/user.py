"""People: who they are, what they may do, and whether they may at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nodes.models import Node
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import ChoiceFilter
from portal.cause import act
from portal.forms import ServiceForm
from portal.sections import Section, facts
from portal.verbs import Question, Row, Verb, count
from sessions_app.models import AuthKey, User
from sessions_app.roles import allows
from sessions_app.services.users import create_user, set_password, set_user_active, update_user

PASSWORD_HELP = "At least 12 characters, not only digits, and nothing that is often used."  # noqa: S105 - words


def _password(label: str, *, required: bool, hint: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, required=required, strip=False, widget=widget, help_text=hint)


class PersonForm(ServiceForm):
    """What may be changed of a person."""

    role = forms.ChoiceField(choices=User.Role.choices, help_text="What this person may do in the portal.")
    display_name = forms.CharField(max_length=150, required=False)
    email = forms.EmailField(label="E-mail", required=False)
    picture_url = forms.URLField(label="Picture", required=False, assume_scheme="https", help_text="An https address.")
    field_css = {"role": "gw-field-short"}

    def prepare(self) -> None:
        """Only owners make owners."""
        if not allows(self.request.user, "owners.manage"):
            present = self.obj.role if self.obj is not None else ""
            field = self.fields["role"]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [
                (value, words) for value, words in User.Role.choices if value != User.Role.OWNER or value == present
            ]


class NewPersonForm(PersonForm):
    """A new person."""

    login = forms.CharField(max_length=150, help_text="ana or ana@example.com: policies call this person user:ana.")
    password = _password("Password", required=False, hint=f"{PASSWORD_HELP} Empty: nobody can log in as this person.")
    field_css = {"role": "gw-field-short", "login": "gw-field-mono"}
    field_order = ("login", "display_name", "role", "email", "password")

    def prepare(self) -> None:
        """A member unless someone says otherwise."""
        super().prepare()
        self.fields["role"].initial = User.Role.MEMBER
        del self.fields["picture_url"]


class PasswordForm(ServiceForm):
    """Another person's password."""

    password = _password("New password", required=True, hint=PASSWORD_HELP)


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


def guard(request: HttpRequest, user: User) -> None:
    """Raise PermissionDenied if ``user`` is an owner and the one who acts may not manage owners."""
    if user.role == User.Role.OWNER and not allows(request.user, "owners.manage"):
        raise PermissionDenied


def _cut(nodes: int, keys: int) -> str:
    lost = f"{html.many(nodes, 'node')} {'loses its' if nodes == 1 else 'lose their'} peers"
    return f"{lost}, {html.many(keys, 'auth key')} {'stops' if keys == 1 else 'stop'} working"


def _ask_disable(users: Sequence[User]) -> Question:
    ids = [user.pk for user in users]
    nodes = dict(Node.objects.filter(owner_id__in=ids).order_by().values_list("owner_id").annotate(n=Count("pk")))
    keys = AuthKey.objects.filter(owner_id__in=ids, revoked_at=None).order_by()
    alive = dict(keys.values_list("owner_id").annotate(n=Count("pk")))
    rows = [
        Row(
            user.username,
            _cut(nodes.get(user.pk, 0), alive.get(user.pk, 0)),
            worst=bool(nodes.get(user.pk)),
        )
        for user in users
    ]
    what = count(users, "", "people")
    lead = "No more logins, and the machines of this person are cut off until it is enabled again."
    tick = f"Cut off {html.many(sum(nodes.values()), 'node')}" if nodes else ""
    return Question(f"Disable {what}?", lead, f"Disable {what}", rows, tick, "Keep")


def _ask_password(users: Sequence[User]) -> Question:
    return Question(f"Set the password of {users[0]}", "Other logins of this person end.", "Set password")


def _active(active: bool) -> Any:
    def run(request: HttpRequest, user: User, data: dict[str, Any]) -> None:
        guard(request, user)
        set_user_active(user_id=user.pk, active=active, **act(request))

    return run


def _set_password(request: HttpRequest, user: User, data: dict[str, Any]) -> None:
    guard(request, user)
    set_password(user_id=user.pk, password=data["password"], **act(request))


class UserAdmin(ServiceAdmin):
    """Who may do what."""

    view_right = "users.view"
    edit_right = "users.manage"
    add_form = NewPersonForm
    edit_form = PersonForm
    add_label = "New user"
    add_icon = "person_add"
    verbs = (
        Verb(
            "password",
            "Set password",
            "users.manage",
            _set_password,
            lambda rows: f"The password of {rows[0]} is set.",
            _ask_password,
            PasswordForm,
            bulk=False,
        ),
        Verb(
            "enable",
            "Enable",
            "users.manage",
            _active(True),
            lambda rows: f"Enabled: {count(rows, '', 'people')}.",
            offered=lambda user: not user.is_active,
        ),
        Verb(
            "disable",
            "Disable",
            "users.manage",
            _active(False),
            lambda rows: f"Disabled: {count(rows, '', 'people')}.",
            _ask_disable,
            destroys=True,
            offered=lambda user: user.is_active,
        ),
    )
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
        """How many nodes each owns: one query."""
        owned = Node.objects.filter(owner_id__in=[row.pk for row in rows]).order_by()
        counts = dict(owned.values_list("owner_id").annotate(n=Count("pk")))
        for row in rows:
            row.gw_nodes = counts.get(row.pk, 0)

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

    def create(self, request: HttpRequest, data: dict[str, Any]) -> User:
        """By its service."""
        if data["role"] == User.Role.OWNER and not allows(request.user, "owners.manage"):
            raise PermissionDenied
        password = data.pop("password") or None
        return create_user(password=password, **data, **act(request))

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

    @display(description="Last login", ordering="last_login")
    def seen(self, obj: User) -> SafeString:
        """When it last logged in here."""
        return html.ago(obj.last_login, timezone.now())

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
                    ("Last login", self.seen(obj)),
                    ("Password", "set" if obj.has_usable_password() else "none: nobody can log in"),
                    ("Since", html.ago(obj.date_joined, timezone.now())),
                ),
            ),
            Section("Groups", lines=groups, count=len(groups), empty="In no group."),
        ]
