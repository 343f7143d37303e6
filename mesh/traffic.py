"""Turns what a node's traffic counters say, report by report, into bytes by hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MAX_BYTES: Final = 2**53 - 1
"""Of a counter and of an hour: numbers that every JSON reader reads unharmed."""
MOST_HOURS: Final = 24
HOUR: Final = timedelta(hours=1)

Hours = dict[datetime, tuple[int, int]]
"""Bytes received and sent, by the beginning of the hour."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a node's counters said ``at`` an instant. ``counter`` names them: others began at nothing; empty where the
    agent does not say."""

    counter: str
    rx: int
    tx: int
    at: datetime


def advance(last: Totals | None, report: Totals) -> tuple[Totals, Hours]:
    """The totals to hold the next report against, and what went through since ``last``, the report before.

    It is spread evenly over the time between the two, of which the last 24 hours count, so that a node that could not
    tell for a while makes no peak. A report that comes twice or late says nothing. Counters that began anew say all
    they have; those without a name are taken to have begun anew where they fell.
    """
    if last is None:
        return report, spread(report.rx, report.tx, begin=report.at, end=report.at)
    if report.at <= last.at:
        return last, {}
    same = report.counter == last.counter
    fell = report.rx < last.rx or report.tx < last.tx
    if same and fell and report.counter:
        return last, {}  # an older heartbeat that took the longer way
    rx, tx = (report.rx - last.rx, report.tx - last.tx) if same and not fell else (report.rx, report.tx)
    return report, spread(rx, tx, begin=last.at, end=report.at)


def spread(rx: int, tx: int, *, begin: datetime, end: datetime) -> Hours:
    """Bytes shared out over the hours from ``begin`` to ``end``, in proportion and without losing one; hours that get
    none are left out."""
    begin = max(begin, end - MOST_HOURS * HOUR)
    length = end - begin
    found: Hours = {}
    told_rx = told_tx = 0
    hour = begin.replace(minute=0, second=0, microsecond=0)
    while hour <= end:
        part = min(end, hour + HOUR) - begin
        to_rx, to_tx = (rx, tx) if part >= length else (int(rx * (part / length)), int(tx * (part / length)))
        if to_rx > told_rx or to_tx > told_tx:
            found[hour] = (to_rx - told_rx, to_tx - told_tx)
        told_rx, told_tx = to_rx, to_tx
        hour += HOUR
    return found


def add(hours: Hours, more: Hours) -> None:
    """Adds ``more`` to ``hours``, up to what an hour may hold."""
    for hour, (rx, tx) in more.items():
        has_rx, has_tx = hours.get(hour, (0, 0))
        hours[hour] = (min(MAX_BYTES, has_rx + rx), min(MAX_BYTES, has_tx + tx))
