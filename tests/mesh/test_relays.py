"""The home region: the nearest by smoothed latencies, but no taking turns."""

from __future__ import annotations

import pytest

from mesh.relays import choose_home, smooth

KNOWN = {1, 2, 3}


@pytest.mark.parametrize(
    ("latencies", "current", "home"),
    [
        ({}, None, None),
        ({}, 2, 2),
        ({}, 9, None),
        ({9: 1.0}, None, None),
        ({9: 1.0}, 2, 2),
        ({1: 30.0, 2: 20.0}, None, 2),
        ({1: 20.0, 2: 20.0}, None, 1),
        ({1: 30.0, 2: 20.0, 9: 1.0}, None, 2),
        ({1: 30.0, 2: 20.0}, 1, 2),
        ({1: 29.9, 2: 20.0}, 1, 1),
        ({1: 100.0, 2: 85.0}, 1, 1),
        ({1: 100.0, 2: 80.0}, 1, 2),
        ({2: 20.0}, 1, 2),
        ({1: 30.0, 2: 20.0}, 2, 2),
        ({1: 1.0, 9: 0.1}, 9, 1),
    ],
)
def test_home(latencies: dict[int, float], current: int | None, home: int | None) -> None:
    assert choose_home(latencies, known=KNOWN, current=current) == home


@pytest.mark.parametrize(
    ("before", "measured", "after"),
    [
        ({}, {}, {}),
        ({}, {1: 30.0}, {1: 30.0}),
        ({1: 30.0}, {1: 30.0}, {1: 30.0}),
        ({1: 30.0}, {1: 70.0}, {1: 40.0}),
        ({1: 70.0}, {1: 30.0}, {1: 60.0}),
        ({1: 30.0}, {1: 31.5}, {1: 31.5}),
        ({1: 30.0}, {2: 9.0}, {2: 9.0}),
        ({1: 30.0, 2: 8.0}, {1: 70.0, 2: 8.0}, {1: 40.0, 2: 8.0}),
        ({1: 0.0}, {1: 60_000.0}, {1: 15_000.0}),
    ],
)
def test_smoothing(before: dict[int, float], measured: dict[int, float], after: dict[int, float]) -> None:
    assert smooth(before, measured) == after


@pytest.mark.parametrize(("start", "steady"), [(0.0, 60_000.0), (60_000.0, 0.0), (30.0, 33.3)])
def test_a_steady_latency_ends_up_as_it_is_reported(start: float, steady: float) -> None:
    latencies = {1: start}
    for _ in range(50):
        latencies = smooth(latencies, {1: steady})
    assert latencies == {1: steady}


def homes(reports: list[dict[int, float]]) -> list[int | None]:
    """The home after each report."""
    latencies: dict[int, float] = {}
    home, seen = None, []
    for report in reports:
        latencies = smooth(latencies, report)
        home = choose_home(latencies, known=KNOWN, current=home)
        seen.append(home)
    return seen


def test_one_outlier_moves_nobody() -> None:
    near, outlier = {1: 20.0, 2: 40.0}, {1: 70.0, 2: 40.0}
    assert homes([near, outlier, near, near, outlier, near]) == [1] * 6


def test_what_stays_so_moves_the_home_once() -> None:
    seen = homes([{1: 20.0, 2: 40.0}] * 2 + [{1: 120.0, 2: 40.0}] * 6)
    assert seen == [1, 1, 1, 2, 2, 2, 2, 2]


def test_regions_that_take_turns_do_not() -> None:
    assert homes([{1: 20.0, 2: 35.0}, {1: 35.0, 2: 20.0}] * 10) == [1] * 20
