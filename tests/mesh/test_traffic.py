"""Counters become bytes by hour, whatever happens to counters and reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.traffic import HOUR, MAX_BYTES, MOST_HOURS, Hours, Totals, add, advance, spread

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(minutes: float, rx: int, tx: int, counter: str = "a") -> Totals:
    return Totals(counter, rx, tx, NOON + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("reports", "hours"),
    [
        ([at(5, 100, 10)], {NOON: (100, 10)}),
        ([at(5, 100, 10), at(10, 150, 10)], {NOON: (150, 10)}),
        ([at(5, 0, 0), at(10, 0, 0)], {}),
        ([at(5, 100, 10), at(5, 100, 10)], {NOON: (100, 10)}),
        ([at(5, 100, 10), at(10, 150, 20), at(15, 100, 10)], {NOON: (150, 20)}),
        ([at(5, 100, 10), at(4, 150, 20)], {NOON: (100, 10)}),
        ([at(5, 100, 10), at(10, 30, 3, "b")], {NOON: (130, 13)}),
        ([at(5, 100, 10), at(10, 300, 30, "b")], {NOON: (400, 40)}),
        ([at(5, 100, 10, ""), at(10, 30, 3, "")], {NOON: (130, 13)}),
        ([at(5, 100, 10, ""), at(10, 130, 3, "")], {NOON: (230, 13)}),
        ([at(50, 100, 0), at(70, 300, 0)], {NOON: (200, 0), NOON + HOUR: (100, 0)}),
        ([at(50, 0, 0), at(230, 180, 0)], {NOON + step * HOUR: (n, 0) for step, n in enumerate((10, 60, 60, 50))}),
    ],
    ids=[
        "first", "more", "nothing", "twice", "an older one comes late", "clock went back", "new counter",
        "new counter that is higher", "fell without a name", "one of two fell", "over an hour's end", "after silence",
    ],
)  # fmt: skip
def test_reports(reports: list[Totals], hours: Hours) -> None:
    found: Hours = {}
    last = None
    for report in reports:
        last, more = advance(last, report)
        add(found, more)
    assert found == hours


def test_long_silence_counts_as_a_day() -> None:
    hours = spread(2400, 0, begin=NOON - timedelta(days=9), end=NOON)
    assert set(hours) == {NOON - step * HOUR for step in range(1, 25)}
    assert set(hours.values()) == {(100, 0)}


@given(
    st.integers(min_value=0, max_value=MAX_BYTES),
    st.integers(min_value=0, max_value=10_000),
    st.integers(min_value=0, max_value=60 * 60 * 30),
    st.integers(min_value=0, max_value=7200),
)
def test_no_byte_is_lost_or_made(rx: int, tx: int, seconds: int, offset: int) -> None:
    end = NOON + timedelta(seconds=offset, microseconds=7)
    hours = spread(rx, tx, begin=end - timedelta(seconds=seconds), end=end)
    assert (sum(item[0] for item in hours.values()), sum(item[1] for item in hours.values())) == (rx, tx)
    assert all(one >= 0 and other >= 0 for one, other in hours.values())
    assert all(end - (MOST_HOURS + 1) * HOUR < hour <= end for hour in hours)


def test_an_hour_holds_only_so_much() -> None:
    hours: Hours = {NOON: (MAX_BYTES - 1, 5)}
    add(hours, {NOON: (7, 7)})
    assert hours == {NOON: (MAX_BYTES, 12)}
