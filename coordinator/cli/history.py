"""When a node was online, as commands show it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from coordinator.admin_api.history import describe_history
from coordinator.admin_api.serializers.history import NodeHistoryOut
from coordinator.cli.results import Card, Column, Listing, shaped_by
from coordinator.cli.times import both
from mesh.uptime import Day
from nodes.models import Node

MOST_SHOWN: Final = 20


def history_card(node: Node, now: datetime) -> Card:
    """``node history``. People see the latest comings and goings; programs get them all."""
    value = describe_history(node, now)
    days = [
        Column("Day", lambda day: day.day.isoformat(), keep=True),
        Column("Online", _percent, keep=True, right=True),
        Column("Hours", lambda day: f"{day.online_seconds / 3600:.1f} of {day.seconds / 3600:.1f}", right=True),
        Column("Fell silent", lambda day: str(day.drops), right=True),
    ]
    turns = [
        Column("When", lambda turn: both(turn["at"], now), keep=True),
        Column("What", lambda turn: "came online" if turn["online"] else "was last heard"),
    ]
    lists = [
        ("Days", Listing(list(reversed(value["days"])), days, "Nothing is known yet.")),
        ("Latest", Listing(value["transitions"][:MOST_SHOWN], turns, "It neither came nor went.")),
    ]
    fields = [("Node", node.name), ("Known since", both(value["since"], now))]
    return Card(value, fields, lists, shape=shaped_by(NodeHistoryOut))


def _percent(day: Day) -> str:
    return f"{100 * day.online_seconds / day.seconds:.1f} %" if day.seconds else "-"
