from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import StrictSerializer, TextField
from coordinator.admin_api.serializers.api_tokens import ScopesField
from sessions_app.models import User


class MeOut(serializers.Serializer[Any]):
    """You, and what the token that asks may do."""

    id = serializers.IntegerField()
    login = serializers.CharField()
    display_name = serializers.CharField(allow_blank=True)
    email = serializers.CharField(allow_blank=True)
    role = serializers.ChoiceField(choices=User.Role.values)
    may = ScopesField(help_text="What your role allows and the token does not leave out.")
    token = serializers.IntegerField(help_text="The id of the token that asks.")

    class Meta:
        ref_name = "Me"


class BrowserOut(serializers.Serializer[Any]):
    """A browser in which you are logged in. Its id opens nothing."""

    id = serializers.CharField(source="pk")
    browser = serializers.CharField(allow_blank=True, help_text="What it calls itself.")
    origin = serializers.CharField(allow_blank=True)
    began_at = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(source="expire_date")

    class Meta:
        ref_name = "Browser"


class DeviceEdit(StrictSerializer):
    """What of an own device is to change."""

    name = TextField(max_length=63)
