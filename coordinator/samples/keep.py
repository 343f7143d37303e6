"""Adds minutes up to half hours, and drops what is old: a day is read by the minute, a month by the half hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from coordinator.samples.take import MINUTE
from nodes.models import Sample

HALF_HOUR: Final = 1800
MINUTES_KEPT: Final = timedelta(hours=48)
HALF_HOURS_KEPT: Final = timedelta(days=32)
MOST_AT_ONCE: Final = 96
"""Half hours that one call adds up at most: after a long pause the next calls go on."""


def roll_up(*, now: datetime) -> int:
    """Adds up each half hour that is over and was not added up yet; returns how many rows that made."""
    end = _half_hour(now)
    latest = Sample.objects.filter(span=HALF_HOUR).order_by("-at").values_list("at", flat=True).first()
    first = Sample.objects.filter(span=MINUTE).order_by("at").values_list("at", flat=True).first()
    if first is None:
        return 0
    begin = max(_half_hour(first), latest + timedelta(seconds=HALF_HOUR) if latest else _half_hour(first))
    made = 0
    for _ in range(MOST_AT_ONCE):
        if begin >= end:
            break
        made += _add_up(begin)
        begin += timedelta(seconds=HALF_HOUR)
    return made


def forget_samples(*, now: datetime) -> int:
    """Drops samples that no chart reads any more; returns how many."""
    minutes, _ = Sample.objects.filter(span=MINUTE, at__lt=now - MINUTES_KEPT).delete()
    half_hours, _ = Sample.objects.filter(span=HALF_HOUR, at__lt=now - HALF_HOURS_KEPT).delete()
    return minutes + half_hours


def _half_hour(at: datetime) -> datetime:
    return at.replace(minute=at.minute - at.minute % 30, second=0, microsecond=0)


def _add_up(begin: datetime) -> int:
    end = begin + timedelta(seconds=HALF_HOUR)
    of_network: dict[int | None, list[Sample]] = defaultdict(list)
    for sample in Sample.objects.filter(span=MINUTE, at__gte=begin, at__lt=end):
        of_network[sample.network_id].append(sample)
    rows = [_sum(network_id, begin, samples) for network_id, samples in of_network.items()]
    with transaction.atomic():
        Sample.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _sum(network_id: int | None, at: datetime, samples: list[Sample]) -> Sample:
    return Sample(
        network_id=network_id,
        at=at,
        span=HALF_HOUR,
        late=max(_known(sample.late for sample in samples), default=None),
        maps=add_buckets(sample.maps for sample in samples),
        **{name: _mean(getattr(sample, name) for sample in samples) for name in ("online", "offline")},
        **{name: _mean(getattr(sample, name) for sample in samples) for name in ("waiting", "sessions")},
        **{name: _total(getattr(sample, name) for sample in samples) for name in ("due", "heard", "heartbeats")},
        **{name: _total(getattr(sample, name) for sample in samples) for name in ("pushes", "errors")},
    )


def add_buckets(many: Iterable[list[int] | None]) -> list[int] | None:
    """Counts by bucket, added up; None where there are none. Those of another shape, of an earlier release, are left
    out."""
    known = [item for item in many if item]
    if not known:
        return None
    return [sum(counts) for counts in zip(*(item for item in known if len(item) == len(known[-1])), strict=True)]


def _known(values: Iterable[int | None]) -> list[int]:
    return [value for value in values if value is not None]


def _mean(values: Iterable[int | None]) -> int | None:
    known = _known(values)
    return round(sum(known) / len(known)) if known else None


def _total(values: Iterable[int | None]) -> int | None:
    known = _known(values)
    return sum(known) if known else None
