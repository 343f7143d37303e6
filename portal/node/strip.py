"""The presence strip: one column a day, midnight at the top, so that the hour of an outage is visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q

from mesh.uptime import Day, Span, uptime_by_day
from nodes.models import Node, OnlineSpan
from portal import html, links
from portal.sections import Section

DAYS: Final = 30
PHONE_DAYS: Final = 14
MINUTES: Final = 1440
YOUNG: Final = timedelta(hours=1)
"""A share of less than this says nothing."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a day: ``online`` or ``gap``, from a minute on, so many minutes long."""

    css: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A day with its bars. ``old`` ones are left out at phone width; ``label`` stands under some."""

    words: str
    label: str
    bars: Sequence[Bar]
    old: bool


def presence_section(node: Node, now: datetime) -> Section:
    """The strip of the last 30 days with its table, and what there is to say of today."""
    since, spans = spans_of(node, now)
    days = uptime_by_day(spans=spans, since=since, now=now)
    first = (now.astimezone(UTC) - timedelta(days=DAYS - 1)).date()
    days = [day for day in days if day.day >= first]
    by_day = {day.day: day for day in days}
    columns = [
        _column(index, midnight, by_day.get(midnight.date()), spans, now)
        for index in range(DAYS)
        for midnight in [datetime.combine(first + timedelta(days=index), time(), UTC)]
    ]
    finding = _finding(node, days, now)
    return Section(
        f"Presence, {DAYS} days",
        span=12,
        template="portal/node/strip.html",
        data={
            "columns": columns,
            "finding": finding,
            "days": [_words_of(day) for day in reversed(days)],
            "young": is_young(node, now),
        },
        note=_note(node, days, now),
        link=("Comings and goings", links.list_url("nodes.onlinespan", f"node={node.pk}")),
        ident="gw-presence",
        refresh="presence",
    )


def spans_of(node: Node, now: datetime) -> tuple[datetime, list[Span]]:
    """Since when a node's history is known, at most as far back as a strip goes, and the spans since then."""
    since = max(node.created_at, now - settings.GHOSTWIRE.retention.history, now - timedelta(days=DAYS))
    rows = OnlineSpan.objects.filter(Q(ended=None) | Q(ended__gt=since), node=node).order_by("began")
    return since, list(rows.values_list("began", "ended"))


def is_young(node: Node, now: datetime) -> bool:
    """Whether a node is too new for a share to say anything."""
    return now - node.created_at < YOUNG


def _column(index: int, midnight: datetime, day: Day | None, spans: Sequence[Span], now: datetime) -> Column:
    name = f"{midnight:%-d %b}"
    label = "today" if index == DAYS - 1 else name if index % 7 == 1 else ""
    old = index < DAYS - PHONE_DAYS
    if day is None:
        return Column(f"{name}: not enrolled yet", label, (), old)
    end = min(midnight + timedelta(days=1), now)
    begin = end - timedelta(seconds=day.seconds)
    bars = [Bar("gap", _minute(begin, midnight), _minutes(begin, end))]
    for came, went in spans:
        start, stop = max(came, begin), min(went or now, end)
        if stop > start:
            # Half a minute is less than a line of the screen: an outage or a visit is seen however short.
            bars.append(Bar("online", _minute(start, midnight), _minutes(start, stop)))
    told = _words_of(day)
    return Column(f"{name}: online {told['online']}{told['drops']}", label, bars, old)


def _minute(at: datetime, midnight: datetime) -> float:
    return round((at - midnight).total_seconds() / 60, 1)


def _minutes(start: datetime, stop: datetime) -> float:
    return round((stop - start).total_seconds() / 60, 1)


def _words_of(day: Day) -> dict[str, str]:
    drops = f", fell silent {html.many(day.drops, 'time')}" if day.drops else ""
    return {"day": f"{day.day:%Y-%m-%d}", "online": share(day.online_seconds, day.seconds), "drops": drops}


def share(part: float, whole: float) -> str:
    """``98.4 %``; never 100 where something is missing."""
    if not whole:
        return "–"
    per_cent = 100 * part / whole
    return "100 %" if per_cent >= 100 else f"{min(per_cent, 99.9):.1f} %"


def _total(days: Sequence[Day]) -> str:
    return share(sum(day.online_seconds for day in days), sum(day.seconds for day in days))


def _note(node: Node, days: Sequence[Day], now: datetime) -> str:
    if not days or is_young(node, now):
        return f"enrolled {_just_now(node, now)}"
    span = "since it enrolled" if now - node.created_at < timedelta(days=DAYS) else f"in {DAYS} days"
    return f"{_total(days)} {span}, {share(days[-1].online_seconds, days[-1].seconds)} today"


def _just_now(node: Node, now: datetime) -> str:
    old = now - node.created_at
    return "just now" if old < timedelta(minutes=1) else f"{html.span_words(old)} ago"


def _finding(node: Node, days: Sequence[Day], now: datetime) -> str:
    if not days or is_young(node, now):
        return f"It enrolled {_just_now(node, now)}. Its days appear here as they go."
    drops = sum(day.drops for day in days)
    worst = min(days, key=lambda day: day.online_seconds / day.seconds if day.seconds else 1)
    told = f"Online {_total(days)} of the time known of the last {DAYS} days, fell silent {html.many(drops, 'time')}"
    if worst.online_seconds < worst.seconds:
        told += f"; least on {worst.day:%-d %B}, with {share(worst.online_seconds, worst.seconds)}"
    return told + "."
