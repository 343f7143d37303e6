from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import TextField
from coordinator.admin_api.paging import NetworkListQuery
from mesh.change import ChangeKind


class ChangeLine(serializers.Serializer[Any]):
    """One step of the network's map: what kind, and who caused it (``user:7``, ``node:12``, ``system:sweep``)."""

    version = serializers.IntegerField()
    kind = serializers.CharField()
    actor = serializers.CharField()
    origin = serializers.CharField(allow_blank=True)
    request_id = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    pruned = serializers.BooleanField(help_text="Its facts and origin were not kept any longer.")


class ChangeOut(ChangeLine):
    """One step with its facts: what became true, whole. Their shape depends on the kind. None are left if `pruned`."""

    facts = serializers.DictField()

    class Meta:
        ref_name = "Change"


class DeliveryOut(serializers.Serializer[Any]):
    """How far a change has come. The lists are ids of connected nodes whose maps it changed; both are null where it is
    too old to tell."""

    version = serializers.IntegerField()
    acknowledged = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="Those that applied it, or a later version."
    )
    waiting = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="Those that have not yet."
    )
    last_node = serializers.IntegerField(
        allow_null=True, help_text="The last to acknowledge it, among those of which the instant is still known."
    )
    last_seconds = serializers.FloatField(allow_null=True, help_text="How long that one took.")

    class Meta:
        ref_name = "Delivery"


class ChangeQuery(NetworkListQuery):
    """Which changes. ``after`` is a version: the list goes back in time from there."""

    kind = serializers.ChoiceField(required=False, choices=[kind.value for kind in ChangeKind])
    actor = TextField(required=False, max_length=64, help_text="Who caused it, such as user:7.")
