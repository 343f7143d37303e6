"""Judges a node's health from its heartbeats (agent protocol, "Liveness")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MISSES_BEFORE_LATE: Final = 2


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """How a node does. ``time_since_last_heartbeat`` is None, and so is ``last_seen``, if it was never heard."""

    node_id: int
    is_online: bool
    last_seen: datetime | None
    time_since_last_heartbeat: timedelta | None
    consecutive_misses: int
    in_grace_period: bool


def assess_health(
    *,
    node_id: int,
    last_seen: datetime | None,
    now: datetime,
    interval: timedelta,
    grace: timedelta,
    watching_since: datetime | None = None,
) -> NodeHealth:
    """Says whether a node is online, late (in its grace period) or offline at ``now``.

    A node is late once ``MISSES_BEFORE_LATE`` heartbeats in a row are missing and offline when ``grace`` has passed
    since then. ``watching_since`` is when the presence store began to listen: nobody is judged for heartbeats that
    could not have been heard, so a restarted portal does not declare a healthy fleet offline. A clock that went back
    counts as no time passed.
    """
    if last_seen is None:
        return NodeHealth(node_id, False, None, None, 0, False)
    silence = max(now - last_seen, timedelta(0))
    heard_until = last_seen if watching_since is None else max(last_seen, watching_since)
    counted = max(now - heard_until, timedelta(0))
    misses = counted // interval
    late_after = interval * MISSES_BEFORE_LATE
    is_late = counted >= late_after
    is_offline = counted >= late_after + grace
    return NodeHealth(node_id, not is_offline, last_seen, silence, misses, is_late and not is_offline)
