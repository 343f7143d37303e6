"""How nodes do right now: the state that the database tells, and the heartbeats that the presence store heard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import BooleanField, Case, Count, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from redis.exceptions import RedisError

from coordinator.admin_api.health import health_of, status_of
from mesh.health import MISSES_BEFORE_LATE, NodeHealth
from nodes.models import Network, Node
from nodes.presence import presence_store

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

ACTIVE = Q(state=Node.State.ACTIVE, login_required=False)
WAITING = Q(state=Node.State.PENDING) | ACTIVE & Q(online=False, last_seen=None)
ONLINE = ACTIVE & Q(online=True)
OFFLINE = ACTIVE & Q(online=False, last_seen__isnull=False)
EXPIRED = Q(state=Node.State.EXPIRED) | Q(state=Node.State.ACTIVE, login_required=True)
DISABLED = Q(state=Node.State.DISABLED)


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


def late_ids(now: datetime) -> list[int]:
    """Ids of nodes that peers still take for online, but whose last two heartbeats are missing."""
    try:
        return [node_id for network in Network.objects.all() for node_id in _late_in(network, now)]
    except RedisError:
        return []


def _late_in(network: Network, now: datetime) -> list[int]:
    store = presence_store()
    limit = now - timedelta(seconds=network.keepalive_seconds * MISSES_BEFORE_LATE)
    if store.since(now) > limit:
        return []  # Nobody is judged for heartbeats that could not have been heard.
    online = list(Node.objects.filter(ONLINE, network=network).values_list("pk", flat=True))
    heard = store.last_seen(online)
    return [pk for pk in online if (at := heard.get(pk)) is None or at <= limit]


def one_of(ids: Iterable[int]) -> Q:
    """Nodes with these ids, however many: as parameters, 50,000 would be more than a database takes."""
    listed = (
        ",".join(str(int(node_id)) for node_id in ids) or "0"
    )  # no node has the id 0, and NOT IN (NULL) would be nobody
    condition = f'"nodes_node"."id" IN ({listed})'
    return Q(RawSQL(condition, (), output_field=BooleanField()))  # noqa: S611 - nothing but integers


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


def status_rank(late: Iterable[int]) -> Case:
    """The order of attention: waiting, late, offline, online, expired, disabled."""
    cases = [When(WAITING, then=Value(0))]
    late = list(late)[:500]
    if late:
        cases.append(When(pk__in=late, then=Value(1)))
    cases += [
        When(OFFLINE, then=Value(2)),
        When(ONLINE, then=Value(3)),
        When(EXPIRED, then=Value(4)),
    ]
    return Case(*cases, default=Value(5), output_field=IntegerField())
