"""What a person chooses for a new auth key, and for how long it lives."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms

from portal.forms import ListField, NetworkForm, UtcDateTimeField
from portal.once import begin_once
from sessions_app.models import User

LIFETIMES = (
    ("1h", "1 hour"),
    ("1d", "1 day"),
    ("7d", "7 days"),
    ("30d", "30 days"),
    ("90d", "90 days"),
    ("at", "until ..."),
    ("never", "never ends"),
)
SPANS = {
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}


class EnrolForm(NetworkForm):
    """What a new key lets in, and how often."""

    owner = forms.CharField(
        required=False, max_length=150, help_text="The person that its machines belong to. Leave it empty for tags."
    )
    tags = ListField(required=False, help_text="Machines belong to these tags instead: tag:web, tag:db.")
    name = forms.CharField(required=False, max_length=64, help_text="What the key is for.")
    reusable = forms.BooleanField(required=False, help_text="Works for several machines. Otherwise for one.")
    max_uses = forms.IntegerField(
        label="At most",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="Machines, if reusable. Empty: no limit.",
    )
    ephemeral = forms.BooleanField(required=False, help_text="Its machines are removed when they stay offline.")
    pre_approved = forms.BooleanField(
        label="Pre-approved",
        required=False,
        help_text="Its machines need no approval where the network wants one for each new node.",
    )
    lifetime = forms.ChoiceField(choices=LIFETIMES, initial="1d")
    expires_at = UtcDateTimeField(label="Until", required=False, help_text="In UTC, if the lifetime is “until ...”.")
    once = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    field_css = {
        "owner": "gw-field-mono",
        "tags": "gw-field-mono",
        **dict.fromkeys(("max_uses", "lifetime", "expires_at"), "gw-field-short"),
    }

    def prepare(self) -> None:
        """The one who asks owns the machines, unless someone else is named."""
        super().prepare()
        self.fields["owner"].initial = self.request.user.get_username()
        self.fields["once"].initial = begin_once(self.request)

    def steps(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """The fields as two steps: whose the machines are, and what the key lets in."""
        rows, first = self.rows(), ("network", "owner", "tags")
        return [
            ("Whose machine", [row for row in rows if row["field"].name in first]),
            ("What the key may do", [row for row in rows if row["field"].name not in first]),
        ]

    def clean_owner(self) -> User | None:
        """A login as a person."""
        login = self.cleaned_data["owner"].strip().removeprefix("user:").lower()
        if not login:
            return None
        user = User.objects.filter(username=login).first()
        if user is None:
            raise forms.ValidationError(f"There is no user {login}.")
        return user

    def clean_tags(self) -> list[str]:
        """``web`` is meant as ``tag:web``."""
        return [tag if tag.startswith("tag:") else f"tag:{tag}" for tag in self.cleaned_data["tags"]]

    def clean(self) -> dict[str, Any]:
        """An end that was chosen must be given."""
        data = super().clean() or {}
        if data.get("lifetime") == "at" and data.get("expires_at") is None and "expires_at" not in self.errors:
            self.add_error("expires_at", "When does it end?")
        if data.get("max_uses") and not data.get("reusable"):
            self.add_error("max_uses", "A key that is not reusable works once.")
        return data


def ends_at(data: dict[str, Any], now: datetime) -> datetime | None:
    """When a key that was asked for ends; None is never."""
    if data["lifetime"] == "at":
        at: datetime | None = data["expires_at"]
        return at
    span = SPANS.get(data["lifetime"])
    return None if span is None else now + span
