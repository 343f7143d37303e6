"""Quantiles from buckets, as Prometheus reckons them."""

from __future__ import annotations

import pytest

from coordinator.samples import map_times
from coordinator.tallies import map_buckets

BOUNDS = [float(bound) for bound in map_buckets()]


def counts(**by_index: int) -> list[int]:
    """Counts by bucket: ``counts(b2=7)``."""
    found = [0] * len(BOUNDS)
    for name, count in by_index.items():
        found[int(name[1:])] = count
    return found


def test_half_of_one_bucket_is_its_middle() -> None:
    times = map_times(counts(b4=10))
    assert times is not None
    assert times.p50_ms == pytest.approx(1000 * (BOUNDS[3] + BOUNDS[4]) / 2)
    assert times.count == 10


def test_the_slow_ones_show_in_the_99th() -> None:
    times = map_times(counts(b1=98, b6=2))
    assert times is not None
    assert times.p50_ms < 1000 * BOUNDS[1]
    assert 1000 * BOUNDS[5] < times.p99_ms <= 1000 * BOUNDS[6]


def test_beyond_the_last_bound_that_bound_is_told() -> None:
    times = map_times(counts(**{f"b{len(BOUNDS) - 1}": 5}))
    assert times is not None
    assert times.p50_ms == 1000 * BOUNDS[-2]


@pytest.mark.parametrize("said", [None, [], [1, 2], [0] * len(BOUNDS)])
def test_nothing_built_or_buckets_of_another_release_tell_nothing(said: list[int] | None) -> None:
    assert map_times(said) is None
