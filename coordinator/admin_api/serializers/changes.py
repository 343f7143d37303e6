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


class ChangeQuery(NetworkListQuery):
    """Which changes. ``after`` is a version: the list goes back in time from there."""

    kind = serializers.ChoiceField(required=False, choices=[kind.value for kind in ChangeKind])
    actor = TextField(required=False, max_length=64, help_text="Who caused it, such as user:7.")
