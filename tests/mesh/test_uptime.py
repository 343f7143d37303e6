"""Days out of spans."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from mesh.uptime import Day, Span, uptime_by_day

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR


def days(*spans: Span, since: datetime = MIDNIGHT, now: datetime = MIDNIGHT + 2 * DAY) -> list[Day]:
    return uptime_by_day(spans=spans, since=since, now=now)


def test_a_span_within_a_day() -> None:
    assert days((MIDNIGHT + HOUR, MIDNIGHT + 3 * HOUR)) == [
        Day(date(2026, 3, 2), 86400.0, 7200.0, 1),
        Day(date(2026, 3, 3), 86400.0, 0.0, 0),
    ]


def test_a_span_over_midnight_counts_in_both_and_drops_once() -> None:
    found = days((MIDNIGHT + 23 * HOUR, MIDNIGHT + 25 * HOUR))
    assert [(day.online_seconds, day.drops) for day in found] == [(3600.0, 0), (3600.0, 1)]


def test_an_open_span_goes_on_until_now() -> None:
    found = days((MIDNIGHT - 9 * DAY, None), now=MIDNIGHT + DAY + HOUR)
    assert [(day.seconds, day.online_seconds, day.drops) for day in found] == [
        (86400.0, 86400.0, 0),
        (3600.0, 3600.0, 0),
    ]


def test_the_first_day_begins_when_something_is_known() -> None:
    [first, _] = days((MIDNIGHT, None), since=MIDNIGHT + 18 * HOUR)
    assert (first.seconds, first.online_seconds) == (6 * 3600.0, 6 * 3600.0)


def test_days_are_those_of_utc() -> None:
    east = timezone(timedelta(hours=9))
    found = days(since=(MIDNIGHT + 20 * HOUR).astimezone(east), now=(MIDNIGHT + 22 * HOUR).astimezone(east))
    assert [day.day for day in found] == [date(2026, 3, 2)]


def test_no_time_no_days() -> None:
    assert days(since=MIDNIGHT + DAY, now=MIDNIGHT) == []


@given(st.lists(st.integers(min_value=0, max_value=72 * 60), max_size=12, unique=True))
def test_the_days_add_up(minutes: list[int]) -> None:
    edges = [MIDNIGHT + timedelta(minutes=minute) for minute in sorted(minutes)]
    spans: list[Span] = list(zip(edges[::2], edges[1::2], strict=False))
    found = days(*spans, now=MIDNIGHT + 4 * DAY)
    assert sum(day.online_seconds for day in found) == sum(
        (end - begin).total_seconds() for begin, end in spans if end is not None
    )
    assert sum(day.drops for day in found) == len(spans)
    assert all(0 <= day.online_seconds <= day.seconds for day in found)
