from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import QueryFlagField, QueryIdField
from coordinator.admin_api.paging import NetworkListQuery
from sessions_app.models import NodeSession


class SessionOut(serializers.Serializer[Any]):
    """A node's right to speak to the portal. ``end_reason`` is null while it is active."""

    id = serializers.IntegerField()
    node = serializers.IntegerField(source="node_id")
    node_name = serializers.CharField(source="node.name")
    origin = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = serializers.SerializerMethodField()

    class Meta:
        ref_name = "Session"

    def get_end_reason(self, session: NodeSession) -> str | None:
        """Why it ended; None while it is active."""
        return session.end_reason or None


class SessionQuery(NetworkListQuery):
    """Which sessions."""

    node = QueryIdField(required=False, help_text="The id of the node.")
    active = QueryFlagField(required=False, help_text="Whether it has not ended.")
