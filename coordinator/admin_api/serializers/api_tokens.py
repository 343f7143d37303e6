from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import InstantField, StrictSerializer, TextField
from sessions_app.roles import ALL_CAPABILITIES, OWN


class ScopesField(serializers.ListField):
    """Scopes of a token: capabilities, and ``own`` for what belongs to its person."""

    child = serializers.ChoiceField(choices=sorted(ALL_CAPABILITIES | {OWN}))


class ApiTokenOut(serializers.Serializer[Any]):
    """One of your tokens. The token itself was shown once; ``hint`` is how it begins."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    hint = serializers.CharField()
    scopes = ScopesField(allow_null=True, help_text="What it may do; null: all that your role may.")
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    seen_from = serializers.ListField(child=serializers.CharField(), help_text="Addresses that used it.")

    class Meta:
        ref_name = "ApiToken"


class ApiTokenCreated(serializers.Serializer[Any]):
    """A new token, with the token itself: this is the only time that it is shown."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    hint = serializers.CharField()
    scopes = ScopesField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    token = serializers.CharField()


class ApiTokenNew(StrictSerializer):
    """A token to make. It may do what your role may do, or as much of it as its scopes name."""

    name = TextField(max_length=64, help_text="What will use it.")
    expires_at = InstantField(required=False)
    scopes = ScopesField(
        required=False, allow_empty=False, help_text="Left out: all that your role may, now and later."
    )
