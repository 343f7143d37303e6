"""How nodes do, in the words of the portal: the state in the database, and the heartbeats in the presence store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from redis.exceptions import RedisError

from coordinator.cli.results import Word
from coordinator.cli.terminal import note
from mesh.health import assess_health
from nodes.models import Node
from nodes.presence import presence_store

WORDS: Final = {
    "online": Word("online", "green", "●"),
    "late": Word("late", "yellow", "◐"),
    "offline": Word("offline", "bright_black", "○"),
    "waiting": Word("waiting", "blue", "◌"),
    "expired": Word("expired", "red", "◇"),
    "login": Word("log in", "red", "◇"),
    "disabled": Word("disabled", "bright_black", "⊘"),
}
"""``login``: active, but only a new registration brings it back."""


@dataclass(frozen=True, slots=True)
class Live:
    """A node's status (a key of ``WORDS``) and its last sign of life.

    ``last_seen`` is None for a node that was never heard, and for one that is online while the heartbeats are kept
    in the memory of the server process, where a command cannot see them.
    """

    status: str
    last_seen: datetime | None


def live_of(nodes: Sequence[Node], now: datetime) -> dict[int, Live]:
    """The live state of ``nodes`` (with their networks) by id."""
    heard: dict[int, datetime] = {}
    since = now
    try:
        store = presence_store()
        heard = store.last_seen([node.pk for node in nodes])
        since = store.since(now)
    except RedisError:
        note("Redis does not answer: who is online is as of the last change that peers were told.")
    return {node.pk: _live(node, heard.get(node.pk), since, now) for node in nodes}


def _live(node: Node, heard: datetime | None, since: datetime, now: datetime) -> Live:
    known = max(filter(None, (heard, node.last_seen)), default=None)
    if node.state != Node.State.ACTIVE:
        status = {Node.State.PENDING: "waiting", Node.State.EXPIRED: "expired"}.get(Node.State(node.state), "disabled")
        return Live(status, known)
    if node.login_required:
        return Live("login", known)
    if known is None:
        return Live("waiting", None)
    if heard is None:
        # Nobody is judged for heartbeats that this process could not hear.
        return Live("online", None) if node.online else Live("offline", known)
    health = assess_health(
        node_id=node.pk,
        last_seen=heard,
        now=now,
        interval=timedelta(seconds=node.network.keepalive_seconds),
        grace=timedelta(seconds=node.network.grace_seconds),
        watching_since=since,
    )
    if health.in_grace_period:
        return Live("late", heard)
    return Live("online" if health.is_online else "offline", heard)
