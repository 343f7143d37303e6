"""Schedules: windows on the wall clock, and instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mesh.errors import ValidationError
from mesh.policy import Schedule, is_open, next_boundary, schedule_from_json, schedule_to_json
from mesh.policy.schedule import _clock_change, describe_schedule, find_zone

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def schedule(**members: Any) -> Schedule:
    found = schedule_from_json(members)
    assert found is not None
    return found


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    start = draw(st.one_of(st.none(), st.integers(0, 1_439)))
    end = None
    if start is not None:
        end = draw(st.integers(0, 1_440).filter(lambda minute: minute != start))
    begins = draw(st.one_of(st.none(), INSTANTS))
    expires = draw(st.one_of(st.none(), INSTANTS))
    assume(begins is None or expires is None or begins < expires)
    days = draw(st.frozensets(st.integers(0, 6), max_size=3))
    return Schedule(days, start, end, draw(st.sampled_from(ZONES)), begins, expires)


INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001 - made aware right here
    lambda naive: naive.replace(tzinfo=UTC, microsecond=0)
)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-03-02T07:59:59+01:00", False),
        ("2026-03-02T08:00:00+01:00", True),
        ("2026-03-02T17:59:59+01:00", True),
        ("2026-03-02T18:00:00+01:00", False),
        ("2026-03-01T12:00:00+01:00", False),
    ],
)
def test_a_window_is_open_on_its_weekdays_between_its_times(instant: str, expected: bool) -> None:
    office = schedule(weekdays=["mon"], start="08:00", end="18:00", timezone="Europe/Berlin")
    assert is_open(office, at(instant)) is expected


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-03-06T21:59:59+01:00", False),
        ("2026-03-06T22:00:00+01:00", True),
        ("2026-03-07T00:00:00+01:00", True),
        ("2026-03-07T05:59:59+01:00", True),
        ("2026-03-07T06:00:00+01:00", False),
        ("2026-03-07T22:30:00+01:00", False),
        ("2026-03-06T05:00:00+01:00", False),
    ],
)
def test_a_window_may_cross_midnight_and_belongs_to_the_day_it_opens(instant: str, expected: bool) -> None:
    night = schedule(weekdays=["fri"], start="22:00", end="06:00", timezone="Europe/Berlin")
    assert is_open(night, at(instant)) is expected


def test_weekdays_alone_are_whole_days_there() -> None:
    sunday = schedule(weekdays=["sun"], timezone="Asia/Kathmandu")
    assert not is_open(sunday, at("2026-02-28T23:59:59+05:45"))
    assert is_open(sunday, at("2026-03-01T00:00:00+05:45"))
    assert is_open(sunday, at("2026-03-01T23:59:59+05:45"))
    assert not is_open(sunday, at("2026-03-02T00:00:00+05:45"))


def test_24_00_ends_a_day() -> None:
    evening = schedule(start="20:00", end="24:00")
    assert is_open(evening, at("2026-03-01T23:59:59+00:00"))
    assert not is_open(evening, at("2026-03-02T00:00:00+00:00"))
    assert next_boundary(evening, at("2026-03-01T21:00:00+00:00")) == at("2026-03-02T00:00:00+00:00")


def test_a_window_that_begins_in_a_gap_opens_as_the_gap_ends() -> None:
    gap = schedule(start="02:30", end="04:00", timezone="Europe/Berlin")  # clocks go from 2:00 to 3:00 on 29 March
    before = at("2026-03-29T01:00:00+01:00")
    opens = next_boundary(gap, before)
    assert opens == at("2026-03-29T03:00:00+02:00")
    assert next_boundary(gap, opens) == at("2026-03-29T04:00:00+02:00")


def test_a_window_inside_a_gap_does_not_come_that_day() -> None:
    inside = schedule(weekdays=["sun"], start="02:10", end="02:50", timezone="Europe/Berlin")
    assert next_boundary(inside, at("2026-03-28T12:00:00+01:00")) == at("2026-04-05T02:10:00+02:00")


def test_times_that_are_shown_twice_count_twice() -> None:
    twice = schedule(start="02:30", end="04:00", timezone="Europe/Berlin")  # clocks go from 3:00 back to 2:00
    found = [at("2026-10-24T12:00:00+02:00")]
    for _ in range(4):
        boundary = next_boundary(twice, found[-1])
        assert boundary is not None
        found.append(boundary)
    assert found[1:] == [
        at("2026-10-25T02:30:00+02:00"),
        at("2026-10-25T02:00:00+01:00"),
        at("2026-10-25T02:30:00+01:00"),
        at("2026-10-25T04:00:00+01:00"),
    ]


def test_a_day_that_never_was_is_passed_over() -> None:
    friday = schedule(weekdays=["fri"], timezone="Pacific/Apia")  # 30 December 2011, a Friday, was left out in Samoa
    assert next_boundary(friday, at("2011-12-29T12:00:00-10:00")) == at("2012-01-06T00:00:00+14:00")


def test_instants_bound_a_schedule() -> None:
    begins, ends = at("2026-03-01T00:00:00+00:00"), at("2026-03-02T00:00:00+00:00")
    bounded = Schedule(not_before=begins, expires_at=ends)
    assert is_open(bounded, begins - timedelta(microseconds=1)) is False
    assert is_open(bounded, begins) is True
    assert is_open(bounded, ends - timedelta(microseconds=1)) is True
    assert is_open(bounded, ends) is False
    assert next_boundary(bounded, begins - timedelta(days=1)) == begins
    assert next_boundary(bounded, begins) == ends
    assert next_boundary(bounded, ends) is None


def test_no_schedule_is_always_open() -> None:
    assert is_open(None, at("2026-03-01T00:00:00+00:00")) is True
    assert next_boundary(None, at("2026-03-01T00:00:00+00:00")) is None
    assert is_open(Schedule(), at("2026-03-01T00:00:00+00:00")) is True


def test_an_unknown_time_zone_is_neither_open_nor_closed() -> None:
    lost = Schedule(frozenset({0}), None, None, "No/Where")
    assert is_open(lost, at("2026-03-02T12:00:00+00:00")) is None
    assert next_boundary(lost, at("2026-03-02T12:00:00+00:00")) is None
    ended = Schedule(frozenset({0}), None, None, "No/Where", expires_at=at("2026-03-01T00:00:00+00:00"))
    assert is_open(ended, at("2026-03-02T12:00:00+00:00")) is False
    ending = Schedule(frozenset({0}), None, None, "No/Where", expires_at=at("2026-03-03T00:00:00+00:00"))
    assert next_boundary(ending, at("2026-03-02T12:00:00+00:00")) == at("2026-03-03T00:00:00+00:00")


@settings(max_examples=300, deadline=None)
@given(schedules(), INSTANTS)
def test_nothing_changes_before_the_next_boundary_and_something_does_there(found: Schedule, instant: datetime) -> None:
    now = is_open(found, instant)
    boundary = next_boundary(found, instant)
    last = boundary if boundary is not None else instant + timedelta(days=21)
    for step in range(1, 40):
        between = instant + (last - instant) * step / 40
        assert is_open(found, between) is now
    if boundary is not None:
        assert boundary > instant
        assert is_open(found, boundary - timedelta(seconds=1)) is now or boundary - timedelta(seconds=1) < instant
        assert is_open(found, boundary) is not now


@given(schedules())
def test_the_stored_form_reads_back(found: Schedule) -> None:
    stored = schedule_to_json(found)
    expected = found if found.has_window else Schedule(not_before=found.not_before, expires_at=found.expires_at)
    assert (schedule_from_json(stored) or Schedule()) == expected
    assert describe_schedule(found)


@pytest.mark.parametrize(
    "stored",
    [
        [],
        {"days": ["mon"]},
        {"weekdays": "mon"},
        {"weekdays": ["monday"]},
        {"start": "08:00"},
        {"end": "08:00"},
        {"start": "08:00", "end": "08:00"},
        {"start": "24:00", "end": "08:00"},
        {"start": "8:00", "end": "09:00"},
        {"start": "08:60", "end": "09:00"},
        {"start": "08:00", "end": "24:01"},
        {"start": "٠٨:00", "end": "09:00"},
        {"start": "08:00", "end": "09:00", "timezone": "Europe/Nowhere"},
        {"start": "08:00", "end": "09:00", "timezone": "../../etc/passwd"},
        {"start": "08:00", "end": "09:00", "timezone": 1},
        {"expires_at": "tomorrow"},
        {"expires_at": "2026-03-01T00:00:00"},
        {"expires_at": 5},
        {"not_before": "2026-03-02T00:00:00Z", "expires_at": "2026-03-01T00:00:00Z"},
        {"not_before": "2026-03-01T00:00:00Z", "expires_at": "2026-03-01T00:00:00Z"},
        {"expires_at": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_what_is_no_schedule_is_refused(stored: object) -> None:
    with pytest.raises(ValidationError):
        schedule_from_json(stored)


def test_nothing_is_no_schedule() -> None:
    assert schedule_from_json(None) is None
    assert schedule_from_json({}) is None


def test_a_schedule_is_told_in_words() -> None:
    found = schedule(
        weekdays=["mon", "fri"], start="08:00", end="18:00", timezone="UTC", expires_at="2026-03-01T00:00:00Z"
    )
    assert describe_schedule(found) == "mon,fri 08:00-18:00 UTC, until 2026-03-01T00:00:00Z"
    assert describe_schedule(Schedule()) == "always"


@pytest.mark.parametrize("minutes", range(0, 24 * 60, 97))
def test_the_instant_at_which_clocks_are_moved_is_found_to_the_second(minutes: int) -> None:
    moved = at("2026-03-29T01:00:00+00:00")
    zone = find_zone("Europe/Berlin")
    assert zone is not None
    assert list(_clock_change(zone, moved - timedelta(minutes=minutes, seconds=minutes % 60))) == [moved]
