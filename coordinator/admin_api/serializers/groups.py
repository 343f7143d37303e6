from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from acl.models import Group
from coordinator.admin_api.fields import CommentField, IdField, StrictSerializer, TextField
from mesh.policy.limits import MAX_NAME

MAX_MEMBERS = 10_000


class GroupOut(serializers.Serializer[Any]):
    """Users and groups under one name: ``group:NAME``."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    users = serializers.ListField(child=serializers.IntegerField())
    subgroups = serializers.ListField(child=serializers.IntegerField())
    comment = serializers.CharField(allow_blank=True)

    class Meta:
        ref_name = "Group"


class GroupEdit(StrictSerializer):
    """What of a group is to change. ``users`` and ``subgroups`` are ids."""

    users = serializers.ListField(required=False, child=IdField(), max_length=MAX_MEMBERS)
    subgroups = serializers.ListField(required=False, child=IdField(), max_length=MAX_MEMBERS)
    comment = CommentField()


class GroupNew(GroupEdit):
    """A group to make. It keeps its name: rules refer to it."""

    name = TextField(max_length=MAX_NAME)


def describe_groups(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Groups with their members as ``GroupOut`` takes them."""
    return [
        {
            "id": group.pk,
            "name": group.name,
            "comment": group.comment,
            "users": sorted(row.user_id for row in group.members.all() if row.user_id is not None),
            "subgroups": sorted(row.subgroup_id for row in group.members.all() if row.subgroup_id is not None),
        }
        for group in groups
    ]
