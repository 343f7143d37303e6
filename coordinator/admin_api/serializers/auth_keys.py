from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db.models import F, Q, QuerySet
from rest_framework import serializers

from coordinator.admin_api.fields import FlagField, IdField, InstantField, StrictSerializer, TextField, TextListField
from coordinator.admin_api.fields import WholeNumberField as Number
from coordinator.admin_api.paging import NetworkListQuery
from coordinator.admin_api.serializers.nodes import of_user
from sessions_app.models import AuthKey

STATES: Final = ("usable", "used_up", "expired", "revoked", "owner_disabled")
MAX_USES: Final = 2**31 - 1


class AuthKeyOut(serializers.Serializer[Any]):
    """A key that lets machines in. The key itself was shown once; ``hint`` is how it begins."""

    id = serializers.IntegerField()
    network = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    hint = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    user = serializers.IntegerField(allow_null=True)
    user_login = serializers.CharField(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    reusable = serializers.BooleanField()
    ephemeral = serializers.BooleanField()
    pre_approved = serializers.BooleanField()
    max_uses = serializers.IntegerField(allow_null=True)
    uses = serializers.IntegerField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.IntegerField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "AuthKey"


class AuthKeyCreated(AuthKeyOut):
    """A new key, with the key itself: this is the only time that it is shown."""

    key = serializers.CharField()

    class Meta:
        ref_name = "AuthKeyCreated"


class AuthKeyNew(StrictSerializer):
    """What key to make. Without ``tags`` machines belong to ``user``, and without that to you."""

    name = TextField(required=False, max_length=64, allow_blank=True)
    user = IdField(required=False)
    tags = TextListField(required=False, each=67, most=64)
    reusable = FlagField(required=False, help_text="Works more than once.")
    max_uses = Number(required=False, min_value=1, max_value=MAX_USES, help_text="Of a reusable key; without: no end.")
    ephemeral = FlagField(required=False, help_text="Its machines are removed when they have been offline for a while.")
    pre_approved = FlagField(required=False, help_text="Its machines need no approval where others wait for one.")
    expires_at = InstantField(required=False)


class AuthKeyQuery(NetworkListQuery):
    """Which auth keys."""

    state = serializers.ChoiceField(required=False, choices=STATES)
    user = TextField(required=False, max_length=150, help_text="The login of its owner, or its id.")


def filter_auth_keys(rows: QuerySet[AuthKey], query: dict[str, Any], now: datetime) -> QuerySet[AuthKey]:
    """The keys that a checked query asks for."""
    if "user" in query:
        rows = rows.filter(of_user(query["user"], "owner"))
    if "state" in query:
        rows = rows.filter(_in_state(query["state"], now))
    return rows


def describe_auth_key(auth_key: AuthKey, now: datetime) -> dict[str, Any]:
    """A key, with its network and owner, as ``AuthKeyOut`` takes it."""
    same = (
        "name",
        "hint",
        "tags",
        "ephemeral",
        "pre_approved",
        "max_uses",
        "uses",
        "expires_at",
        "revoked_at",
        "created_at",
    )
    return {name: getattr(auth_key, name) for name in same} | {
        "id": auth_key.pk,
        "network": auth_key.network.name,
        "state": _state(auth_key, now),
        "user": auth_key.owner_id,
        "user_login": None if auth_key.owner is None else auth_key.owner.username,
        "reusable": auth_key.max_uses != 1,
        "created_by": auth_key.created_by_id,
        "last_used_at": auth_key.last_used_at,
    }


def _state(auth_key: AuthKey, now: datetime) -> str:
    if auth_key.revoked_at is not None:
        return "revoked"
    if auth_key.expires_at is not None and auth_key.expires_at <= now:
        return "expired"
    if auth_key.max_uses is not None and auth_key.uses >= auth_key.max_uses:
        return "used_up"
    if auth_key.owner is not None and not auth_key.owner.is_active:
        return "owner_disabled"
    return "usable"


def _in_state(state: str, now: datetime) -> Q:
    """The same as ``_state``, for the database."""
    revoked, expired = Q(revoked_at__isnull=False), Q(expires_at__isnull=False, expires_at__lte=now)
    used_up = Q(max_uses__isnull=False, uses__gte=F("max_uses"))
    dead = Q(owner__isnull=False, owner__is_active=False)
    return {
        "revoked": revoked,
        "expired": ~revoked & expired,
        "used_up": ~revoked & ~expired & used_up,
        "owner_disabled": ~revoked & ~expired & ~used_up & dead,
        "usable": ~revoked & ~expired & ~used_up & ~dead,
    }[state]
