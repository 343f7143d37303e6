from __future__ import annotations

from typing import Any

from rest_framework import serializers

from nodes.models import RetiredKey


class RetiredKeyOut(serializers.Serializer[Any]):
    """A public key that no machine may use until it is released."""

    id = serializers.IntegerField()
    public_key = serializers.CharField()
    reason = serializers.ChoiceField(choices=RetiredKey.Reason.values)
    node_was = serializers.IntegerField(source="node_id_was")
    node_name_was = serializers.CharField()
    created_at = serializers.DateTimeField()

    class Meta:
        ref_name = "RetiredKey"
