"""What went through a node's tunnel, as commands show it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from coordinator.admin_api.serializers.traffic import NodeTrafficOut
from coordinator.admin_api.traffic import describe_traffic
from coordinator.cli.results import Card, Column, Listing, shaped_by
from nodes.models import Node

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def traffic_card(node: Node, now: datetime, hours: int) -> Card:
    """``node traffic``. People see the hours in which anything went through, the latest first; programs get all."""
    value = describe_traffic(node, now, hours)
    columns = [
        Column("Hour", lambda hour: f"{hour.hour:%Y-%m-%d %H:00}", keep=True),
        Column("Received", lambda hour: size(hour.rx_bytes), keep=True, right=True),
        Column("Sent", lambda hour: size(hour.tx_bytes), keep=True, right=True),
    ]
    busy = [hour for hour in reversed(value["hours"]) if hour.rx_bytes or hour.tx_bytes]
    fields = [
        ("Node", node.name),
        ("Hours", str(len(value["hours"]))),
        ("Received", size(value["rx_bytes"])),
        ("Sent", size(value["tx_bytes"])),
    ]
    lists = [("By hour (UTC)", Listing(busy, columns, "Nothing went through its tunnel, or it has not told yet."))]
    return Card(value, fields, lists, shape=shaped_by(NodeTrafficOut))


def size(number: int) -> str:
    """Bytes for people."""
    value, unit = float(number), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{number} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"
