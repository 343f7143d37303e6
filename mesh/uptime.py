"""How long something was on in each of the last days, from the spans in which it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

Span = tuple[datetime, datetime | None]
"""From when to when; None: it goes on."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day in UTC. ``seconds`` of it are known, of which it was on for ``online_seconds``; ``drops``: how often it
    went off."""

    day: date
    seconds: float
    online_seconds: float
    drops: int


def uptime_by_day(*, spans: Iterable[Span], since: datetime, now: datetime) -> list[Day]:
    """The days from ``since`` to ``now``, both aware, the first and the last as far as they lie between these.

    Spans do not overlap; of each counts what lies between these. A ``since`` after ``now`` gives no days.
    """
    known = [(begin, now if end is None else end, end is not None) for begin, end in spans]
    days = []
    start = since.astimezone(UTC)
    while start < now:
        midnight = datetime.combine(start.date() + timedelta(days=1), time(), UTC)
        end = min(midnight, now)
        online = sum(_seconds_within(begin, to, start, end) for begin, to, _ in known)
        drops = sum(1 for _, to, is_over in known if is_over and start <= to < end)
        days.append(Day(start.date(), (end - start).total_seconds(), online, drops))
        start = midnight
    return days


def _seconds_within(begin: datetime, to: datetime, start: datetime, end: datetime) -> float:
    return max(0.0, (min(to, end) - max(begin, start)).total_seconds())
