from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from acl.models import PolicyVersion
from coordinator.admin_api.fields import CommentField, QueryNumberField, StrictSerializer
from coordinator.admin_api.paging import NetworkQuery

MAX_NUMBER = 2**31 - 1


class VersionOut(serializers.Serializer[Any]):
    """A version of the policy. ``forced``: it came into force against ``objections``. ``map_version`` is the change
    that put it there, ``has_document`` says that it came as a document, whose text was kept."""

    number = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    actor = serializers.CharField()
    origin = serializers.CharField(allow_blank=True)
    summary = serializers.CharField(allow_blank=True)
    comment = serializers.CharField(allow_blank=True)
    forced = serializers.BooleanField()
    objections = serializers.ListField(child=serializers.CharField())
    map_version = serializers.IntegerField()
    in_force = serializers.BooleanField()
    has_document = serializers.BooleanField()

    class Meta:
        ref_name = "PolicyVersion"


class DifferenceOut(serializers.Serializer[Any]):
    """What makes version ``before`` into ``after``: by section what was added, removed, changed and moved, and the
    documents of both line by line (``text``, a unified diff)."""

    before = serializers.IntegerField()
    after = serializers.IntegerField()
    summary = serializers.CharField(allow_blank=True)
    sections = serializers.DictField()
    text = serializers.CharField(allow_blank=True)

    class Meta:
        ref_name = "PolicyDifference"


class DifferenceQuery(NetworkQuery):
    """Of a comparison."""

    to = QueryNumberField(
        required=False,
        min_value=0,
        max_value=MAX_NUMBER,
        help_text="The later version; the one in force where nothing is said.",
    )


class RollbackBody(StrictSerializer):
    """Why."""

    comment = CommentField()


def describe_versions(rows: Sequence[PolicyVersion], in_force: int) -> list[dict[str, Any]]:
    """Versions as ``VersionOut`` takes them."""
    names = (
        "number",
        "created_at",
        "actor",
        "origin",
        "summary",
        "comment",
        "forced",
        "objections",
        "map_version",
    )
    return [
        {name: getattr(row, name) for name in names}
        | {"in_force": row.number == in_force, "has_document": bool(row.document)}
        for row in rows
    ]
