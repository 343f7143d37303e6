from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from acl.models import TagOwner
from acl.selectors import labels_for
from coordinator.admin_api.fields import CommentField, StrictSerializer, TextField, TextListField
from coordinator.admin_api.serializers.rules import MAX_SELECTOR
from mesh.policy import format_selector, parse_stored
from mesh.policy.limits import MAX_SELECTORS


class TagOut(serializers.Serializer[Any]):
    """A tag that policies may name, and who may give it to machines."""

    id = serializers.IntegerField()
    tag = serializers.CharField()
    owners = serializers.ListField(child=serializers.CharField())
    comment = serializers.CharField(allow_blank=True)

    class Meta:
        ref_name = "Tag"


class TagEdit(StrictSerializer):
    """What of a tag is to change. Owners are selectors of users, groups, tags, or autogroup:member."""

    owners = TextListField(required=False, each=MAX_SELECTOR, most=MAX_SELECTORS)
    comment = CommentField()


class TagNew(TagEdit):
    """A tag to declare. It keeps its name: rules refer to it."""

    tag = TextField(max_length=67)


def describe_tags(tags: Sequence[TagOwner]) -> list[dict[str, Any]]:
    """Tags as ``TagOut`` takes them, with the names of users in one query."""
    labels = labels_for([text for tag in tags for text in tag.owners])
    return [
        {
            "id": tag.pk,
            "tag": tag.tag,
            "comment": tag.comment,
            "owners": [format_selector(parse_stored(text), labels) for text in tag.owners],
        }
        for tag in tags
    ]
