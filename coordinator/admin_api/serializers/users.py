from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers

from coordinator.admin_api.fields import LAST_ID, QueryFlagField, QueryNumberField, StrictSerializer, TextField
from coordinator.admin_api.paging import ListQuery, NoQuery
from coordinator.people import ON_DELETION, ON_DISABLING, Fate
from sessions_app.models import PasswordLink, User
from sessions_app.services.users import MAX_LOGIN_LENGTH

MAX_PASSWORD = 256


class UserOut(serializers.Serializer[Any]):
    """A person. Policies call it ``user:LOGIN``."""

    id = serializers.IntegerField()
    login = serializers.CharField(source="username")
    display_name = serializers.CharField(allow_blank=True)
    email = serializers.CharField(allow_blank=True)
    picture_url = serializers.CharField(allow_blank=True)
    role = serializers.ChoiceField(choices=User.Role.values)
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField(source="date_joined")
    last_login = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "User"


class PictureField(serializers.URLField):
    """The address of a picture. Nothing but http and https: pages show it."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or (data and not data.startswith(("https://", "http://"))):
            raise serializers.ValidationError("An address that begins with https:// or http://.")
        return str(super().to_internal_value(data))


class MailField(serializers.EmailField):
    """A mail address, as a text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("A text.")
        return str(super().to_internal_value(data))


class UserEdit(StrictSerializer):
    """What of a person is to change. A new password ends the person's logins, not its API tokens."""

    display_name = TextField(required=False, max_length=150, allow_blank=True)
    email = MailField(required=False, max_length=254, allow_blank=True)
    picture_url = PictureField(required=False, max_length=200, allow_blank=True)
    role = serializers.ChoiceField(required=False, choices=User.Role.values)
    password = TextField(required=False, max_length=MAX_PASSWORD, trim_whitespace=False, write_only=True)


class UserNew(UserEdit):
    """A new person. Without a password nobody can log in as it, but machines can belong to it."""

    login = TextField(max_length=MAX_LOGIN_LENGTH, help_text="ana or ana@example.com.")


class LinkNew(StrictSerializer):
    """How long a link works. An invitation does for seven days where nothing is said, another password for one."""

    hours = serializers.IntegerField(required=False, min_value=1, max_value=720)


class UserInvite(LinkNew):
    """A new person, who sets a password by the link that is answered."""

    login = TextField(max_length=MAX_LOGIN_LENGTH, help_text="ana or ana@example.com.")
    display_name = TextField(required=False, max_length=150, allow_blank=True)
    email = MailField(required=False, max_length=254, allow_blank=True)
    role = serializers.ChoiceField(required=False, choices=User.Role.values)


class PasswordLinkOut(serializers.Serializer[Any]):
    """A new link, with its address: this is the only time that it is shown. It works once."""

    user = UserOut()
    purpose = serializers.ChoiceField(choices=PasswordLink.Purpose.values, source="link.purpose")
    url = serializers.CharField()
    expires_at = serializers.DateTimeField(source="link.expires_at")

    class Meta:
        ref_name = "PasswordLink"


def lifetime_of(fields: dict[str, Any]) -> timedelta | None:
    """The lifetime that a checked body asks for; takes it out."""
    hours = fields.pop("hours", None)
    return None if hours is None else timedelta(hours=hours)


class UserQuery(ListQuery):
    """Which people."""

    q = TextField(required=False, max_length=100, help_text="Part of the login, the display name or the e-mail.")
    login = TextField(required=False, max_length=MAX_LOGIN_LENGTH, help_text="The very login.")
    role = serializers.ChoiceField(required=False, choices=User.Role.values)
    active = QueryFlagField(required=False)


class FateQuery(NoQuery):
    """What becomes of a person's machines. They can be given to one person (`heir`) only as far as that one's quota
    goes; they must register again, with a key of the heir's."""

    heir = QueryNumberField(
        required=False, min_value=1, max_value=LAST_ID, help_text="With `nodes=give`: the id of whom they belong to."
    )
    force = QueryFlagField(
        required=False, help_text="`true`: also against deny rules that name a machine or the person. It is recorded."
    )


class DisablingQuery(FateQuery):
    """Of disabling a person."""

    nodes = serializers.ChoiceField(
        required=False, choices=[fate.value for fate in ON_DISABLING], help_text="`keep` where nothing is said."
    )


class DeletionQuery(FateQuery):
    """Of deleting a person."""

    nodes = serializers.ChoiceField(
        required=False, choices=[fate.value for fate in ON_DELETION], help_text="`refuse` where nothing is said."
    )


def fate_of(query: dict[str, Any]) -> dict[str, Any]:
    """A checked query as ``disable_user`` and ``delete_user`` take it."""
    options: dict[str, Any] = {"heir_id": query.get("heir"), "forced": query.get("force", False)}
    return options | ({"nodes": Fate(query["nodes"])} if "nodes" in query else {})


def filter_users(rows: QuerySet[User], query: dict[str, Any]) -> QuerySet[User]:
    """The people that a checked query asks for."""
    if "q" in query:
        text = query["q"]
        rows = rows.filter(Q(username__icontains=text) | Q(display_name__icontains=text) | Q(email__icontains=text))
    if "login" in query:
        rows = rows.filter(username=query["login"].lower())
    if "role" in query:
        rows = rows.filter(role=query["role"])
    if "active" in query:
        rows = rows.filter(is_active=query["active"])
    return rows
