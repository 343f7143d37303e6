"""When a node was online: its spans as transitions and as days."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db.models import Q

from mesh.uptime import uptime_by_day
from nodes.models import Node, OnlineSpan

MOST_TRANSITIONS: Final = 500


def describe_history(node: Node, now: datetime) -> dict[str, Any]:
    """A node's history as ``NodeHistoryOut`` takes it, in one query: as far back as it is kept, and the node is there.

    The latest transitions come first, at most ``MOST_TRANSITIONS``; days come in their order.
    """
    since = max(node.created_at, now - settings.GHOSTWIRE.retention.history)
    rows = OnlineSpan.objects.filter(Q(ended=None) | Q(ended__gt=since), node=node).order_by("began")
    spans = list(rows.values_list("began", "ended"))
    turns = [(began, True) for began, _ in spans] + [(ended, False) for _, ended in spans if ended is not None]
    known = sorted((turn for turn in turns if since <= turn[0] <= now), reverse=True)
    return {
        "since": since,
        "transitions": [{"at": at, "online": online} for at, online in known[:MOST_TRANSITIONS]],
        "days": uptime_by_day(spans=spans, since=since, now=now),
    }
