"""When each node was last heard. Not a change: it lives in the presence store, outside the database.

One process keeps it in memory; several share it in a Redis sorted set per installation.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

from django.conf import settings
from redis import Redis

from nodes.shared_redis import redis_client

KEY = "ghostwire:presence"
SINCE_KEY = "ghostwire:presence:since"
LISTENING_KEY = "ghostwire:presence:listening"
DEAF_AFTER = timedelta(seconds=10)
"""When no process said for so long that it listens, none did: nobody can be blamed for having been silent then."""


class PresenceStore(Protocol):
    """Last signs of life by node id. ``since`` is when the store began to listen."""

    def touch(self, seen: Mapping[int, datetime]) -> None:
        """Notes signs of life; a later one is never replaced by an earlier one."""

    def last_seen(self, node_ids: Iterable[int]) -> dict[int, datetime]:
        """When each of ``node_ids`` was last heard; those never heard are left out."""

    def heard_last(self, after: datetime, until: datetime) -> list[int]:
        """Ids of the nodes that were last heard after ``after``, and at ``until`` at the latest."""

    def forget(self, node_ids: Iterable[int]) -> None:
        """Drops nodes that are gone."""

    def listen(self, now: datetime) -> None:
        """Says that a process hears nodes; each that does says so every few seconds."""

    def since(self, now: datetime) -> datetime:
        """Since when nodes have been heard without a break; ``now`` if nobody listens."""


class MemoryPresence:
    """For one process. A restart forgets all, which ``since`` tells."""

    def __init__(self) -> None:
        self._seen: dict[int, datetime] = {}
        self._since: datetime | None = None
        self._lock = threading.Lock()

    def touch(self, seen: Mapping[int, datetime]) -> None:
        with self._lock:
            for node_id, at in seen.items():
                known = self._seen.get(node_id)
                if known is None or known < at:
                    self._seen[node_id] = at

    def last_seen(self, node_ids: Iterable[int]) -> dict[int, datetime]:
        with self._lock:
            return {node_id: self._seen[node_id] for node_id in node_ids if node_id in self._seen}

    def heard_last(self, after: datetime, until: datetime) -> list[int]:
        with self._lock:
            return [node_id for node_id, at in self._seen.items() if after < at <= until]

    def forget(self, node_ids: Iterable[int]) -> None:
        with self._lock:
            for node_id in node_ids:
                self._seen.pop(node_id, None)

    def listen(self, now: datetime) -> None:
        self.since(now)

    def since(self, now: datetime) -> datetime:
        # Who asks is the one process that listens.
        with self._lock:
            if self._since is None:
                self._since = now
            return self._since


class RedisPresence:
    """For several processes: one sorted set, scores in seconds since 1970.

    It begins to listen anew when Redis was flushed, and when no process had listened for a while: a portal that was
    away must not take a healthy fleet for dead, whose heartbeats nobody took.
    """

    LISTEN = """
    local now, deaf = tonumber(ARGV[1]), tonumber(ARGV[2])
    local last = tonumber(redis.call('GET', KEYS[1]) or '-inf')
    if now - last > deaf or redis.call('EXISTS', KEYS[2]) == 0 then redis.call('SET', KEYS[2], ARGV[1]) end
    if now > last then redis.call('SET', KEYS[1], ARGV[1]) end
    """

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._listen = client.register_script(self.LISTEN)

    def touch(self, seen: Mapping[int, datetime]) -> None:
        if seen:
            self._redis.zadd(KEY, {str(node_id): at.timestamp() for node_id, at in seen.items()}, gt=True)

    def last_seen(self, node_ids: Iterable[int]) -> dict[int, datetime]:
        ids = list(node_ids)
        scores = self._redis.zmscore(KEY, [str(node_id) for node_id in ids]) if ids else []
        return {
            node_id: datetime.fromtimestamp(float(score), UTC)
            for node_id, score in zip(ids, scores, strict=True)
            if score is not None
        }

    def heard_last(self, after: datetime, until: datetime) -> list[int]:
        found: Any = self._redis.zrangebyscore(KEY, f"({after.timestamp()}", until.timestamp())
        return [int(node_id) for node_id in found]

    def forget(self, node_ids: Iterable[int]) -> None:
        ids = [str(node_id) for node_id in node_ids]
        if ids:
            self._redis.zrem(KEY, *ids)

    def listen(self, now: datetime) -> None:
        self._listen(keys=[LISTENING_KEY, SINCE_KEY], args=[f"{now.timestamp():.6f}", DEAF_AFTER.total_seconds()])

    def since(self, now: datetime) -> datetime:
        heard_last, since = self._redis.mget(LISTENING_KEY, SINCE_KEY)
        if since is None or heard_last is None or now.timestamp() - float(heard_last) > DEAF_AFTER.total_seconds():
            return now
        return datetime.fromtimestamp(float(since), UTC)


@cache
def presence_store() -> PresenceStore:
    """The installation's store: Redis where the configuration names one, else this process."""
    url = settings.GHOSTWIRE.redis.url
    if url is None:
        return MemoryPresence()
    return RedisPresence(redis_client(url))
