from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import QueryNumberField
from coordinator.admin_api.paging import NetworkQuery
from nodes.selectors.traffic import MOST_HOURS


class TrafficQuery(NetworkQuery):
    """How far back to look."""

    hours = QueryNumberField(
        required=False, min_value=1, max_value=MOST_HOURS, help_text="So many hours, the present one included; 24."
    )


class TrafficHourOut(serializers.Serializer[Any]):
    """What went through a node's tunnel in the hour that began at `hour`."""

    hour = serializers.DateTimeField()
    rx_bytes = serializers.IntegerField()
    tx_bytes = serializers.IntegerField()

    class Meta:
        ref_name = "TrafficHour"


class NodeTrafficOut(serializers.Serializer[Any]):
    """What a node received and sent through its tunnel, as it told itself, some minutes behind."""

    rx_bytes = serializers.IntegerField(help_text="Of all these hours.")
    tx_bytes = serializers.IntegerField(help_text="Of all these hours.")
    hours = TrafficHourOut(many=True, help_text="In their order, without gaps.")

    class Meta:
        ref_name = "NodeTraffic"
