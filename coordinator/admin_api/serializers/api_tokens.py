from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import InstantField, StrictSerializer, TextField


class ApiTokenOut(serializers.Serializer[Any]):
    """One of your tokens. The token itself was shown once; ``hint`` is how it begins."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    hint = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "ApiToken"


class ApiTokenCreated(serializers.Serializer[Any]):
    """A new token, with the token itself: this is the only time that it is shown."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    hint = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    token = serializers.CharField()


class ApiTokenNew(StrictSerializer):
    """A token to make. It may do what your role may do."""

    name = TextField(max_length=64, help_text="What will use it.")
    expires_at = InstantField(required=False)
