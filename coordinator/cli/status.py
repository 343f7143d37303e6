"""How nodes do, as the API judges it, for a process that may not hear their heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from redis.exceptions import RedisError

from coordinator.admin_api.health import health_of
from coordinator.cli.results import Word
from coordinator.cli.terminal import note
from mesh.health import NodeHealth
from nodes.models import Network, Node
from nodes.presence import MemoryPresence, presence_store

WORDS: Final = {
    "online": Word("online", "green", "●"),
    "late": Word("late", "yellow", "◐"),
    "offline": Word("offline", "bright_black", "○"),
    "waiting": Word("waiting", "blue", "◌"),
    "expired": Word("expired", "red", "◇"),
    "login": Word("log in", "red", "◇"),
    "disabled": Word("disabled", "bright_black", "⊘"),
}


def known_health(*, network: Network, nodes: Sequence[Node], now: datetime) -> dict[int, NodeHealth]:
    """The health of ``nodes`` of one network by id.

    Where the heartbeats are kept in the memory of the server's process, or Redis does not answer, it is as peers were
    last told, and an online node's last sign of life is not known.
    """
    if isinstance(presence_store(), MemoryPresence):
        return {node.pk: _as_told(node, now) for node in nodes}
    try:
        return health_of(network=network, nodes=nodes, now=now)
    except RedisError:
        note("Redis does not answer: who is online is as peers were last told.")
        return {node.pk: _as_told(node, now) for node in nodes}


def _as_told(node: Node, now: datetime) -> NodeHealth:
    told = NodeHealth(node.pk, node.online, node.last_seen, None, 0, False)
    if node.online or node.last_seen is None:
        return told
    return replace(told, time_since_last_heartbeat=now - node.last_seen)
