from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.paging import NetworkQuery
from coordinator.samples.read import NAMES, RANGES, Series


class SamplesQuery(NetworkQuery):
    """Of which network, and how far back."""

    range = serializers.ChoiceField(required=False, choices=list(RANGES), default="hour")


class MapTimesOut(serializers.Serializer[Any]):
    """How many whole maps all workers built, and within how many milliseconds half of them and 99 of 100 were."""

    count = serializers.IntegerField()
    p50_ms = serializers.FloatField()
    p99_ms = serializers.FloatField()

    class Meta:
        ref_name = "MapTimes"


class StepOut(serializers.Serializer[Any]):
    """The figures of one step, from `at` on. Null is not measured. Counts of nodes and sessions are means, `late` is
    the most at once; the rest is what happened in the step, `heartbeats`, `pushes`, `errors` and `maps` by all workers,
    whichever network. Of `due` looks at whether an online node was heard in time, it was at `heard`."""

    at = serializers.DateTimeField()
    online = serializers.FloatField(allow_null=True)
    late = serializers.FloatField(allow_null=True)
    offline = serializers.FloatField(allow_null=True)
    waiting = serializers.FloatField(allow_null=True)
    sessions = serializers.FloatField(allow_null=True)
    due = serializers.FloatField(allow_null=True)
    heard = serializers.FloatField(allow_null=True)
    heartbeats = serializers.FloatField(allow_null=True)
    pushes = serializers.FloatField(allow_null=True)
    # DRF keeps declared fields apart from the attribute of the same name.
    errors = serializers.FloatField(allow_null=True)  # type: ignore[assignment]
    maps = MapTimesOut(allow_null=True)

    class Meta:
        ref_name = "Step"


class SamplesOut(serializers.Serializer[Any]):
    """What charts of the network are made of: steps of so many seconds, the last of which holds now."""

    network = serializers.CharField()
    range = serializers.CharField()
    step_seconds = serializers.IntegerField()
    maps = MapTimesOut(allow_null=True, help_text="Of the whole range.")
    steps = StepOut(many=True)

    class Meta:
        ref_name = "Samples"


def describe_series(network: str, name: str, series: Series) -> dict[str, Any]:
    """A series as ``SamplesOut`` takes it."""
    steps = [
        {"at": at, "maps": series.map_steps[index], **{column: series.values[column][index] for column in NAMES}}
        for index, at in enumerate(series.at)
    ]
    return {"network": network, "range": name, "step_seconds": series.step, "maps": series.maps, "steps": steps}
