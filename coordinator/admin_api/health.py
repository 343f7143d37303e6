"""How nodes do right now: the state that the database tells, and the heartbeats that the presence store heard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from redis.exceptions import RedisError

from mesh.health import NodeHealth, assess_health
from nodes.models import Network, Node
from nodes.presence import presence_store

log = structlog.get_logger(__name__)

STATUSES: Final = ("online", "late", "offline", "waiting", "expired", "login", "disabled")
"""``waiting``: never heard, or not approved; ``login``: only a new registration brings it back."""

_OF_STATE: Final = {Node.State.DISABLED: "disabled", Node.State.EXPIRED: "expired", Node.State.PENDING: "waiting"}


def health_of(*, network: Network, nodes: Sequence[Node], now: datetime) -> dict[int, NodeHealth]:
    """The health of ``nodes`` of one network by id: one question to the presence store.

    While the store is away, what their peers were told last: who asks may have changed something, which holds.
    """
    store = presence_store()
    try:
        heard = store.last_seen([node.pk for node in nodes])
        since = store.since(now)
    except RedisError as error:
        log.warning("health.presence_unavailable", error=str(error))
        return {node.pk: _as_told(node, now) for node in nodes}
    found = {}
    for node in nodes:
        last_heard = heard.get(node.pk)
        # Whom the sweep found silent is judged by its silence, not by how long this store has been listening.
        watching = None if last_heard is None and not node.online else since
        found[node.pk] = assess_health(
            node_id=node.pk,
            last_seen=max(filter(None, (last_heard, node.last_seen)), default=None),
            now=now,
            interval=timedelta(seconds=network.keepalive_seconds),
            grace=timedelta(seconds=network.grace_seconds),
            watching_since=watching,
        )
    return found


def _as_told(node: Node, now: datetime) -> NodeHealth:
    silence = None if node.last_seen is None else now - node.last_seen
    return NodeHealth(node.pk, node.online, node.last_seen, silence, 0, False)


def status_of(node: Node, health: NodeHealth) -> str:
    """One word for a node, of ``STATUSES``."""
    if node.state in _OF_STATE:
        return _OF_STATE[Node.State(node.state)]
    if node.login_required:
        return "login"
    if health.last_seen is None:
        return "waiting"
    if health.in_grace_period:
        return "late"
    return "online" if health.is_online else "offline"
