from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coordinator.cli.times import both, exact, parse_duration, parse_expiry, relative, rfc3339

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), ("2W", 1_209_600), ("1h30m", 5400)],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "5", "h", "-1h", "1.5h", "1y", "１h", "999999999d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|too long"):
        parse_duration(text)


def test_an_end_is_a_duration_an_instant_or_never() -> None:
    assert parse_expiry("1h", NOW) == NOW + timedelta(hours=1)
    assert parse_expiry("2026-03-03", NOW) == datetime(2026, 3, 3, tzinfo=UTC)
    assert parse_expiry("2026-03-03T02:00:00+02:00", NOW) == datetime(2026, 3, 3, tzinfo=UTC)
    assert parse_expiry("never", NOW) is None


def test_no_end_says_what_to_write() -> None:
    with pytest.raises(ValueError, match="24h, 7d"):
        parse_expiry("soon", NOW)


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=-45), "45 s ago"),
        (timedelta(minutes=-3), "3 min ago"),
        (timedelta(hours=24, seconds=-0.5), "in 1 d"),
        (timedelta(days=-100), "2025-11-22"),
    ],
)
def test_instants_for_people(distance: timedelta, text: str) -> None:
    assert relative(NOW + distance, NOW) == text


def test_instants_with_their_date() -> None:
    assert both(NOW + timedelta(days=6), NOW) == "in 6 d (2026-03-08 12:00 UTC)"


def test_instants_for_programs() -> None:
    assert rfc3339(NOW) == "2026-03-02T12:00:00Z"


def test_seconds_as_one_writes_them() -> None:
    assert [exact(number) for number in (0, 45, 5400, 86_400)] == ["0s", "45s", "1h30m", "1d"]
