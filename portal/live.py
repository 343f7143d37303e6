"""How nodes do right now: the state that the database tells, and the heartbeats that the presence store heard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet
from redis.exceptions import RedisError

from coordinator.admin_api.health import health_of, status_of
from coordinator.finding.status import (
    ACTIVE,
    DISABLED,
    EXPIRED,
    OFFLINE,
    ONLINE,
    WAITING,
    late_ids,
    one_of,
    status_rank,
)
from mesh.health import NodeHealth
from nodes.models import Network, Node
from nodes.presence import presence_store

__all__ = [
    "ACTIVE",
    "DISABLED",
    "EXPIRED",
    "GLYPHS",
    "OFFLINE",
    "ONLINE",
    "WAITING",
    "WORDS",
    "Fleet",
    "Live",
    "count_fleet",
    "late_ids",
    "live_of",
    "one_of",
    "status_rank",
    "store_answers",
]

# As pages name them. "login" is an active node that only a new registration brings back.
WORDS = {
    "online": "Online",
    "late": "Late",
    "offline": "Offline",
    "waiting": "Waiting",
    "expired": "Expired",
    "login": "Log in again",
    "disabled": "Disabled",
}
GLYPHS = {"login": "expired"}


@dataclass(frozen=True, slots=True)
class Live:
    """A node's status word (a key of ``WORDS``) and its last sign of life."""

    status: str
    last_seen: datetime | None

    @property
    def word(self) -> str:
        """As pages write it."""
        return WORDS[self.status]

    @property
    def glyph(self) -> str:
        """The glyph that goes with it."""
        return GLYPHS.get(self.status, self.status)


def live_of(nodes: Iterable[Node], now: datetime) -> dict[int, Live]:
    """The live state of ``nodes`` (with their networks), by id: one question to the presence store a network.

    While the store does not answer, nodes are as peers were last told.
    """
    by_network: dict[Network, list[Node]] = {}
    for node in nodes:
        by_network.setdefault(node.network, []).append(node)
    found: dict[int, Live] = {}
    for network, rows in by_network.items():
        try:
            health = health_of(network=network, nodes=rows, now=now)
        except RedisError:
            health = {node.pk: _as_told(node, now) for node in rows}
        found |= {node.pk: Live(status_of(node, health[node.pk]), health[node.pk].last_seen) for node in rows}
    return found


def _as_told(node: Node, now: datetime) -> NodeHealth:
    silence = None if node.last_seen is None else now - node.last_seen
    return NodeHealth(node.pk, node.online, node.last_seen, silence, 0, False)


def store_answers(now: datetime) -> bool:
    """Whether heartbeats can be read now. Pages say so when they cannot."""
    try:
        presence_store().since(now)
    except RedisError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many nodes are in which state."""

    total: int
    online: int
    late: int
    offline: int
    waiting: int
    expired: int
    disabled: int


def count_fleet(late: int, nodes: QuerySet[Node] | None = None) -> Fleet:
    """Counts all nodes by status in one query; ``late`` of those that count as online are late."""
    rows = Node.objects.all() if nodes is None else nodes
    ranked = rows.order_by().annotate(gw_rank=status_rank(())).values("gw_rank").annotate(number=Count("pk"))
    counts = dict.fromkeys(range(6), 0) | {row["gw_rank"]: row["number"] for row in ranked}
    online = max(counts[3] - late, 0)
    return Fleet(sum(counts.values()), online, late, counts[2], counts[0], counts[4], counts[5])
