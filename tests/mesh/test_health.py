"""A node's health from its heartbeats: online, late, offline, to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mesh.health import NodeHealth, assess_health

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
INTERVAL, GRACE = timedelta(seconds=30), timedelta(seconds=60)


def assess(silence: float, *, watching: float | None = None, grace: timedelta = GRACE) -> NodeHealth:
    """The health after ``silence`` seconds; ``watching``: when the store began, in seconds from the last heartbeat."""
    return assess_health(
        node_id=7,
        last_seen=START,
        now=START + timedelta(seconds=silence),
        interval=INTERVAL,
        grace=grace,
        watching_since=None if watching is None else START + timedelta(seconds=watching),
    )


@pytest.mark.parametrize(
    ("silence", "online", "misses", "late"),
    [
        (0, True, 0, False),
        (29.999, True, 0, False),
        (30, True, 1, False),
        (59.999, True, 1, False),
        (60, True, 2, True),
        (119.999, True, 3, True),
        (120, False, 4, False),
        (86_400, False, 2880, False),
    ],
)
def test_by_silence(silence: float, online: bool, misses: int, late: bool) -> None:
    health = assess(silence)
    assert (health.is_online, health.consecutive_misses, health.in_grace_period) == (online, misses, late)
    assert (health.node_id, health.last_seen) == (7, START)
    assert health.time_since_last_heartbeat == timedelta(seconds=silence)


def test_who_was_never_heard_is_offline() -> None:
    health = assess_health(node_id=7, last_seen=None, now=START, interval=INTERVAL, grace=GRACE)
    assert health == NodeHealth(7, False, None, None, 0, False)


def test_a_clock_that_went_back_is_no_time() -> None:
    health = assess(-500)
    assert (health.is_online, health.consecutive_misses, health.time_since_last_heartbeat) == (True, 0, timedelta(0))


def test_without_grace_late_is_offline() -> None:
    assert assess(59, grace=timedelta(0)).is_online
    assert not assess(60, grace=timedelta(0)).is_online


@pytest.mark.parametrize(("silence", "online"), [(3600, True), (3719, True), (3720, False)])
def test_nobody_is_judged_for_what_could_not_be_heard(silence: float, online: bool) -> None:
    assert assess(silence, watching=3600).is_online is online


def test_a_store_that_listened_before_changes_nothing() -> None:
    assert assess(120, watching=-999) == assess(120)
