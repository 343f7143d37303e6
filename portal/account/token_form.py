"""The form for a new API token of one's own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms

from portal.forms import ServiceForm, UtcDateTimeField
from portal.once import begin_once
from sessions_app.models import User
from sessions_app.roles import CAPABILITIES, OWN

LIFETIMES: Final = (
    ("7d", "7 days"),
    ("30d", "30 days"),
    ("90d", "90 days"),
    ("365d", "a year"),
    ("at", "until ..."),
    ("never", "until it is revoked"),
)
# What a scope permits, in words, in the order in which people should read them.
SCOPES: Final = {
    OWN: "Own devices and tokens",
    "nodes.view": "See nodes",
    "nodes.approve": "Approve machines",
    "nodes.expire": "Expire keys of nodes",
    "nodes.manage": "Change, disable and delete nodes",
    "routes.manage": "Approve routes",
    "policy.view": "See the policy",
    "policy.manage": "Change the policy",
    "network.view": "See settings, relays and DNS",
    "network.manage": "Change settings, relays and DNS",
    "keys.view": "See auth keys",
    "keys.manage": "Make and revoke auth keys",
    "users.view": "See people",
    "users.manage": "Invite, change and disable people",
    "owners.manage": "Manage owners",
    "changes.view": "See events",
}


def scope_choices(role: str) -> list[tuple[str, str]]:
    """What a token of somebody with this role may be allowed, with the words for it."""
    may = CAPABILITIES.get(role, frozenset()) | {OWN}
    known = [(scope, words) for scope, words in SCOPES.items() if scope in may]
    return known + [(scope, scope) for scope in sorted(may - SCOPES.keys())]


def scope_words(scopes: list[str] | None, role: str) -> str:
    """What a token may, in one line."""
    if scopes is None:
        return "own devices and tokens" if role == User.Role.MEMBER else "all that the role may"
    return ", ".join(SCOPES.get(scope, scope).lower() for scope in scopes)


class TokenForm(ServiceForm):
    """A token for oneself: nobody makes tokens that act as another person."""

    name = forms.CharField(max_length=64, help_text="What will use it.")
    lifetime = forms.ChoiceField(choices=LIFETIMES, initial="90d")
    expires_at = UtcDateTimeField(label="Until", required=False, help_text="In UTC, if the lifetime is “until ...”.")
    scopes = forms.MultipleChoiceField(
        label="May",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Nothing ticked: all that your role may, also when that changes.",
    )
    once = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    field_css = {"lifetime": "gw-field-short", "expires_at": "gw-field-short"}

    def prepare(self) -> None:
        """Mark the form, and offer what the role may."""
        self.fields["once"].initial = begin_once(self.request)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = scope_choices(getattr(self.request.user, "role", ""))

    def clean(self) -> dict[str, Any]:
        """An end that was chosen must be given."""
        data = super().clean() or {}
        if data.get("lifetime") == "at" and data.get("expires_at") is None and "expires_at" not in self.errors:
            self.add_error("expires_at", "When does it end?")
        return data


def token_fields(data: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What ``create_api_token`` takes from a valid form."""
    ends: datetime | None = None
    if data["lifetime"] == "at":
        ends = data["expires_at"]
    elif data["lifetime"] != "never":
        ends = now + timedelta(days=int(data["lifetime"].removesuffix("d")))
    return {"name": data["name"], "expires_at": ends, "scopes": data["scopes"] or None}
