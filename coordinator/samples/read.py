"""Samples as charts want them: one point a step, and empty where nothing was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from coordinator.samples.keep import HALF_HOUR, add_buckets
from coordinator.samples.take import MINUTE
from coordinator.samples.times import MapTimes, map_times
from nodes.models import Sample

# By the name of a range: seconds between two points, how many points, and the span of the samples they are made of.
RANGES: Final = {"hour": (60, 60, MINUTE), "day": (300, 288, MINUTE), "month": (7200, 360, HALF_HOUR)}
_MEAN: Final = ("online", "offline", "waiting", "sessions")
_SUM: Final = ("due", "heard", "heartbeats", "pushes", "errors")
NAMES: Final = (*_MEAN, "late", *_SUM)


@dataclass(frozen=True, slots=True)
class Series:
    """Figures of ``len(at)`` steps of ``step`` seconds, the last of which holds now. None: not measured.

    ``maps`` are the times of the whole range, ``map_steps`` those of each step.
    """

    step: int
    at: tuple[datetime, ...]
    values: dict[str, tuple[float | None, ...]]
    maps: MapTimes | None
    map_steps: tuple[MapTimes | None, ...]

    def latest(self, name: str) -> float | None:
        """The last measured value; None if there is none."""
        return next((value for value in reversed(self.values[name]) if value is not None), None)

    def total(self, name: str) -> float | None:
        """The sum over the range; None if nothing was measured."""
        known = [value for value in self.values[name] if value is not None]
        return sum(known) if known else None


def read_series(*, network_id: int, name: str, now: datetime) -> Series:
    """The range ``hour``, ``day`` or ``month`` up to ``now``, of a network and of what all workers did, in one query.

    Raises KeyError for another name.
    """
    step, count, span = RANGES[name]
    last = datetime.fromtimestamp(now.timestamp() // step * step, now.tzinfo)
    begin = last - timedelta(seconds=step * (count - 1))
    columns = ("at", "maps", *NAMES)
    ours = Q(network=None) | Q(network_id=network_id)
    rows = Sample.objects.filter(ours, span=span, at__gte=begin, at__lte=now).order_by().values(*columns)
    found: dict[int, list[dict[str, object]]] = defaultdict(list)
    for row in rows:
        found[int((row["at"] - begin).total_seconds()) // step].append(row)
    steps = [found.get(index, []) for index in range(count)]
    buckets = [add_buckets(_lists(rows)) for rows in steps]
    return Series(
        step=step,
        at=tuple(begin + timedelta(seconds=step * index) for index in range(count)),
        values={column: tuple(_value(column, rows) for rows in steps) for column in NAMES},
        maps=map_times(add_buckets(buckets)),
        map_steps=tuple(map_times(item) for item in buckets),
    )


def _lists(rows: Iterable[dict[str, object]]) -> list[list[int] | None]:
    return [value if isinstance(value := row["maps"], list) else None for row in rows]


def _value(column: str, rows: list[dict[str, object]]) -> float | None:
    known = [value for row in rows if isinstance(value := row[column], int)]
    if not known:
        return None
    if column in _SUM:
        return sum(known)
    return max(known) if column == "late" else round(sum(known) / len(known), 1)
