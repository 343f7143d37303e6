"""What went through a node's tunnel, hour by hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from nodes.models import TrafficHour

MOST_HOURS: Final = 31 * 24


@dataclass(frozen=True, slots=True)
class HourOfTraffic:
    """Bytes received and sent within the hour that began at ``hour``, in UTC."""

    hour: datetime
    rx_bytes: int
    tx_bytes: int


def traffic_by_hour(*, node_id: int, now: datetime, hours: int = 24) -> list[HourOfTraffic]:
    """The last ``hours`` hours of a node (at most ``MOST_HOURS``), the one that ``now`` is in among them, in their
    order and without gaps: hours of which nothing is known have no bytes. One query."""
    hours = max(1, min(hours, MOST_HOURS))
    latest = now.replace(minute=0, second=0, microsecond=0)
    first = latest - timedelta(hours=hours - 1)
    rows = TrafficHour.objects.filter(node_id=node_id, hour__gte=first, hour__lte=latest)
    known = {hour: (rx, tx) for hour, rx, tx in rows.values_list("hour", "rx_bytes", "tx_bytes")}
    return [
        HourOfTraffic(hour, *known.get(hour, (0, 0)))
        for hour in (first + timedelta(hours=step) for step in range(hours))
    ]
