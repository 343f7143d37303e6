"""The figures in a row: heartbeats, map builds, pushes, sessions. What nobody measured is said to be so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from coordinator.samples import Series
from nodes.models import Network
from portal import html, links
from portal.overview.charts import SPARK_HEIGHT, Bar, bars, spark
from sessions_app.models import NodeSession


@dataclass(frozen=True, slots=True)
class Card:
    """A figure (pairs of a number and its unit), a small chart of the last hour, a line of context, and where it leads.

    ``finding``: what the small chart shows, in words.
    """

    title: str
    figures: tuple[tuple[str, str], ...]
    note: str
    url: str
    lines: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    finding: str = ""
    warns: bool = False


def cards_of(network: Network, hour: Series, now: datetime, *, several: bool) -> tuple[Card, ...]:
    """The four of a network. ``hour``: its last hour; ``several``: there are more networks, whose workers are these."""
    return (_heartbeats(hour), _maps(hour, several), _pushes(hour, several), _sessions(network, hour, now))


def _heartbeats(hour: Series) -> Card:
    due, heard = hour.total("due"), hour.total("heard")
    url = links.list_url("nodes.node", "status=late")
    if not due or heard is None:
        note = "no node is online" if due == 0 else "once a minute"
        return Card("Heartbeats in time", (("–", ""),), f"not measured yet, {note}" if due is None else note, url)
    share = 100 * heard / due
    missed = int(due - heard)
    shares = [
        None if not all_due else 100 * (in_time or 0) / all_due
        for all_due, in_time in zip(hour.values["due"], hour.values["heard"], strict=True)
    ]
    return Card(
        "Heartbeats in time",
        ((percent(share), "%"),),
        f"{missed} missed this hour" if missed else "none missed this hour",
        url,
        lines=(spark(shares, low=min(99.0, *(value for value in shares if value is not None)), high=100.0),),
        finding=f"{percent(share)} % of {int(due)} heartbeats in the last hour came in time.",
        warns=share < 99,
    )


def _maps(hour: Series, several: bool) -> Card:
    url = links.list_url("nodes.sample")
    everywhere = ", all networks" if several else ""
    if hour.maps is None:
        known = hour.total("pushes") is not None
        note = f"no whole map was built this hour{everywhere}" if known else "not measured yet, once a minute"
        return Card("Map build", (("–", ""),), note, url)
    times = hour.maps
    p50 = [None if step is None else step.p50_ms for step in hour.map_steps]
    p99 = [None if step is None else step.p99_ms for step in hour.map_steps]
    most = max(value for value in p99 if value is not None)
    return Card(
        "Map build",
        ((milliseconds(times.p50_ms), "ms p50"), (milliseconds(times.p99_ms), "ms p99")),
        f"{html.many(times.count, 'whole map')} this hour{everywhere}",
        url,
        lines=(spark(p50, low=0, high=most), spark(p99, low=0, high=most)),
        finding=f"Half of {times.count} maps were built within {milliseconds(times.p50_ms)} ms, 99 of 100 within"
        f" {milliseconds(times.p99_ms)} ms.",
    )


def _pushes(hour: Series, several: bool) -> Card:
    url = links.list_url("nodes.sample")
    latest = hour.latest("pushes")
    if latest is None:
        return Card("Pushes", (("–", ""),), "not measured yet, once a minute", url)
    values = hour.values["pushes"]
    most, at = max((value, at) for value, at in zip(values, hour.at, strict=True) if value is not None)
    everywhere = " in all networks" if several else ""
    peak = f"peak {rate(most)} /s at {at:%H:%M} UTC" if most else "none this hour"
    return Card(
        "Pushes",
        ((rate(latest), "/s"),),
        peak + everywhere,
        url,
        bars=bars(values, SPARK_HEIGHT),
        finding=f"Maps and deltas sent to agents in the last hour: {peak}.",
    )


def _sessions(network: Network, hour: Series, now: datetime) -> Card:
    counts = NodeSession.objects.filter(node__network=network, ended_at=None).aggregate(
        active=Count("pk"), soon=Count("pk", filter=Q(expires_at__lte=now + timedelta(hours=1)))
    )
    soon = counts["soon"]
    return Card(
        "Sessions",
        ((f"{counts['active']:,}", ""),),
        f"{soon} {'ends' if soon == 1 else 'end'} within the hour" if soon else "none ends within the hour",
        links.list_url("sessions_app.nodesession", "state=active"),
        lines=(spark(hour.values["sessions"]),),
        finding="Sessions in force in the last hour.",
    )


def percent(share: float) -> str:
    """``99.96``, ``100``: never rounded up to a whole that it is not."""
    if share >= 100:
        return "100"
    return f"{min(share, 99.99):.2f}" if share > 90 else f"{share:.1f}"


def milliseconds(value: float) -> str:
    """``0.4``, ``4``, ``31``."""
    return f"{value:.1f}" if value < 1 else f"{value:.0f}"


def rate(a_minute: float) -> str:
    """Of a count a minute, how many a second: ``0``, ``0.02``, ``0.8``, ``14``."""
    value = a_minute / 60
    if value == 0 or value >= 10:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 0.1 else f"{value:.2f}"
