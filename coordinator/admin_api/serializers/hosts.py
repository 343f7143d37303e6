from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import CommentField, StrictSerializer, TextField
from mesh.policy.limits import MAX_NAME


class HostOut(serializers.Serializer[Any]):
    """A named address or CIDR: ``host:NAME``."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    comment = serializers.CharField(allow_blank=True)

    class Meta:
        ref_name = "Host"


class HostEdit(StrictSerializer):
    """What of a named host is to change."""

    prefix = TextField(required=False, max_length=43)
    comment = CommentField()


class HostNew(StrictSerializer):
    """A host to name. It keeps its name: rules refer to it."""

    name = TextField(max_length=MAX_NAME)
    prefix = TextField(max_length=43)
    comment = CommentField()
