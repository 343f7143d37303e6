from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import QueryNumberField
from coordinator.admin_api.paging import NetworkQuery
from coordinator.policy.matrix import SHOWN
from mesh.explain.matrix import GroupBy

MAX_SHOWN = 200


class MatrixQuery(NetworkQuery):
    """Of a matrix."""

    by = serializers.ChoiceField(choices=list(GroupBy), required=False, default=GroupBy.GROUP)
    limit = QueryNumberField(
        required=False, min_value=1, max_value=MAX_SHOWN, help_text=f"How many rows at most; {SHOWN} if not given."
    )


class MatrixRowOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    nodes = serializers.IntegerField()

    class Meta:
        ref_name = "MatrixRow"


class MatrixCellOut(serializers.Serializer[Any]):
    """From row ``source`` to row ``destination``, by index: of ``possible`` ordered pairs of nodes ``pairs`` have an
    accepted flow, on ``services`` taken together."""

    source = serializers.IntegerField()  # type: ignore[assignment]
    destination = serializers.IntegerField()
    pairs = serializers.IntegerField()
    possible = serializers.IntegerField()
    services = serializers.ListField(child=serializers.CharField())

    class Meta:
        ref_name = "MatrixCell"


class MatrixOut(serializers.Serializer[Any]):
    """Rows by descending number of nodes, the cells that are not empty, and how many rows did not fit."""

    by = serializers.ChoiceField(choices=list(GroupBy))
    rows = MatrixRowOut(many=True)
    cells = MatrixCellOut(many=True)
    left_out = serializers.IntegerField()

    class Meta:
        ref_name = "PolicyMatrix"
