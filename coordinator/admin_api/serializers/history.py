from __future__ import annotations

from typing import Any

from rest_framework import serializers


class TransitionOut(serializers.Serializer[Any]):
    """A node came online, or fell silent: then `at` is when it was last heard."""

    at = serializers.DateTimeField()
    online = serializers.BooleanField()

    class Meta:
        ref_name = "Transition"


class UptimeDayOut(serializers.Serializer[Any]):
    """A day in UTC. Of its `seconds` that are known, the node was online for `online_seconds`; `drops` is how often it
    fell silent."""

    day = serializers.DateField()
    seconds = serializers.FloatField()
    online_seconds = serializers.FloatField()
    drops = serializers.IntegerField()

    class Meta:
        ref_name = "UptimeDay"


class NodeHistoryOut(serializers.Serializer[Any]):
    """When a node was online, as its peers were told, half a minute behind. Nothing is known of before `since`."""

    since = serializers.DateTimeField()
    transitions = TransitionOut(many=True, help_text="The latest first, at most 500.")
    days = UptimeDayOut(many=True)

    class Meta:
        ref_name = "NodeHistory"
