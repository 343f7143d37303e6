"""What the pages of the topology are asked: by what nodes are grouped, and whether the person may know."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from rest_framework import serializers

from coordinator.admin_api.fields import QueryNumberField, StrictSerializer, TextField
from mesh.explain.graph import GraphBy
from sessions_app.roles import allows

NEEDS: Final = ("nodes.view", "policy.view")
"""The graph names nodes and tells what the policy lets them do: who sees it may see both."""

MAX_NODES: Final = 5_000
"""Up to so many nodes all groups are drawn open; a larger network opens as groups, each with a click."""

MAX_MEMBERS: Final = 1_000
"""How many nodes of one group are drawn where it is opened by hand."""

MAX_WORDS: Final = 200


class ByQuery(StrictSerializer):
    """Of a graph."""

    by = serializers.ChoiceField(choices=list(GraphBy), required=False, default=GraphBy.TAG)


class GroupQuery(ByQuery):
    """Of one group."""

    group = TextField(max_length=4_000)


class NodeQuery(ByQuery):
    """Of one node."""

    node = QueryNumberField(min_value=1)


class FindQuery(ByQuery):
    """What a node's name, owner, tag or address contains."""

    q = TextField(max_length=MAX_WORDS, allow_blank=True)


def check_may_see(user: Any) -> None:
    """Raises PermissionDenied for who may not see nodes and policy both."""
    if not all(allows(user, capability) for capability in NEEDS):
        raise PermissionDenied
