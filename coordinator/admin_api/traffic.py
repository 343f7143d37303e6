"""What went through a node's tunnel, as the API and commands tell it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nodes.models import Node
from nodes.selectors.traffic import traffic_by_hour


def describe_traffic(node: Node, now: datetime, hours: int = 24) -> dict[str, Any]:
    """A node's traffic as ``NodeTrafficOut`` takes it, in one query."""
    found = traffic_by_hour(node_id=node.pk, now=now, hours=hours)
    return {
        "rx_bytes": sum(hour.rx_bytes for hour in found),
        "tx_bytes": sum(hour.tx_bytes for hour in found),
        "hours": found,
    }
