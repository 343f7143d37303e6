"""How long building maps took, told from counts by bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.tallies import map_buckets


@dataclass(frozen=True, slots=True)
class MapTimes:
    """How many maps were built, and within how many milliseconds half of them and 99 of 100 were."""

    count: int
    p50_ms: float
    p99_ms: float


def map_times(counts: Sequence[int] | None) -> MapTimes | None:
    """None if no map was built, or the buckets are those of another release.

    Within a bucket times are taken to be evenly spread, as Prometheus does in ``histogram_quantile``; beyond the last
    bound that bound is told.
    """
    bounds = [float(bound) for bound in map_buckets()]
    if counts is None or len(counts) != len(bounds) or not sum(counts):
        return None
    return MapTimes(sum(counts), 1000 * _quantile(counts, bounds, 0.5), 1000 * _quantile(counts, bounds, 0.99))


def _quantile(counts: Sequence[int], bounds: Sequence[float], share: float) -> float:
    wanted, before, low = share * sum(counts), 0, 0.0
    for count, high in zip(counts[:-1], bounds[:-1], strict=True):
        if count and before + count >= wanted:
            return low + (high - low) * (wanted - before) / count
        before, low = before + count, high
    return low
