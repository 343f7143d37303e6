"""The sweep: turns silence into presence changes."""

from __future__ import annotations

from datetime import datetime, timedelta

from mesh.change import Cause
from mesh.health import NodeHealth, assess_health
from nodes.models import Network, Node
from nodes.presence import presence_store
from nodes.services.presence import mark_offline


def sweep_network(*, network: Network, now: datetime) -> list[int]:
    """Tells peers of the nodes whose grace is over; returns their ids. Harmless when doubled or late."""
    online = list(Node.objects.filter(network=network, online=True).values_list("pk", "last_seen"))
    health = assess_nodes(network=network, last_known=dict(online), now=now)
    gone = {node_id: item.last_seen or now for node_id, item in health.items() if item.last_seen and not item.is_online}
    if not gone:
        return []
    return mark_offline(network_id=network.pk, last_seen=gone, cause=Cause.system("sweep"), now=now)


def assess_nodes(*, network: Network, last_known: dict[int, datetime | None], now: datetime) -> dict[int, NodeHealth]:
    """The health of nodes by id. ``last_known``: when each was last heard as the database knows."""
    store = presence_store()
    heard = store.last_seen(last_known)
    watching_since = store.since(now)
    return {
        node_id: assess_health(
            node_id=node_id,
            last_seen=heard.get(node_id) or last_seen,
            now=now,
            interval=timedelta(seconds=network.keepalive_seconds),
            grace=timedelta(seconds=network.grace_seconds),
            watching_since=watching_since,
        )
        for node_id, last_seen in last_known.items()
    }
