"""Which version of its map each node applied last. Not a change: it lives beside presence, outside the database.

One process keeps it in memory; several share it in a Redis hash. A node's last few acknowledgements are kept with
their instants, so that for a change of a minute ago one can still say how long it took.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final, Protocol

import structlog
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from coordinator.metrics import ACKNOWLEDGED_SECONDS
from nodes.shared_redis import redis_client

log = structlog.get_logger(__name__)

KEY: Final = "ghostwire:acknowledged"
KEPT: Final = 8
"""Acknowledgements kept of a node."""
FLUSH_SECONDS: Final = 1.0
BATCH: Final = 2000
"""Nodes that one step of the script takes: nobody waits for Redis longer than that."""


@dataclass(frozen=True, slots=True, order=True)
class Acknowledgement:
    """A node applied a version of its map. ``at``: when the portal heard of it."""

    epoch: int
    version: int
    at: datetime


class AcknowledgementStore(Protocol):
    """The latest acknowledgements by node id, the newest first."""

    def put(self, acknowledged: Mapping[int, Sequence[Acknowledgement]]) -> None:
        """Adds acknowledgements, each node's oldest first; one that is no newer than what is known is passed over."""

    def get(self, node_ids: Iterable[int]) -> dict[int, tuple[Acknowledgement, ...]]:
        """What is known of ``node_ids``; those that never acknowledged anything are left out."""

    def forget(self, node_ids: Iterable[int]) -> None:
        """Drops nodes that are gone."""


class MemoryAcknowledgements:
    """For one process."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}
        self._lock = threading.Lock()

    def put(self, acknowledged: Mapping[int, Sequence[Acknowledgement]]) -> None:
        with self._lock:
            for node_id, items in acknowledged.items():
                self._known[node_id] = _merged(self._known.get(node_id, ""), items)

    def get(self, node_ids: Iterable[int]) -> dict[int, tuple[Acknowledgement, ...]]:
        with self._lock:
            found = {node_id: self._known[node_id] for node_id in node_ids if node_id in self._known}
        return {node_id: _read(text) for node_id, text in found.items()}

    def forget(self, node_ids: Iterable[int]) -> None:
        with self._lock:
            for node_id in node_ids:
                self._known.pop(node_id, None)


class RedisAcknowledgements:
    """For several processes: one hash, a node's acknowledgements as ``EPOCH.VERSION.MICROSECONDS`` between blanks.

    A script merges: two workers may speak of one node while it moves from one to the other.
    """

    SCRIPT = """
    local kept = tonumber(ARGV[1])
    for index = 2, #ARGV, 2 do
        local node, known = ARGV[index], redis.call('HGET', KEYS[1], ARGV[index]) or ''
        for item in string.gmatch(ARGV[index + 1], '%S+') do
            local epoch, version = string.match(item, '^(%d+)%.(%d+)%.')
            local old_epoch, old_version = string.match(known, '^(%d+)%.(%d+)%.')
            epoch, version = tonumber(epoch), tonumber(version)
            old_epoch, old_version = tonumber(old_epoch or -1), tonumber(old_version or -1)
            if epoch > old_epoch or (epoch == old_epoch and version > old_version) then
                known = item .. ' ' .. known
            end
        end
        local count, cut = 0, {}
        for item in string.gmatch(known, '%S+') do
            count = count + 1
            if count <= kept then cut[count] = item end
        end
        redis.call('HSET', KEYS[1], node, table.concat(cut, ' '))
    end
    """

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._script = client.register_script(self.SCRIPT)

    def put(self, acknowledged: Mapping[int, Sequence[Acknowledgement]]) -> None:
        pairs = [(str(node_id), " ".join(map(_written, items))) for node_id, items in acknowledged.items()]
        for first in range(0, len(pairs), BATCH):
            arguments: list[str | int] = [KEPT]
            for pair in pairs[first : first + BATCH]:
                arguments.extend(pair)
            self._script(keys=[KEY], args=arguments)

    def get(self, node_ids: Iterable[int]) -> dict[int, tuple[Acknowledgement, ...]]:
        ids = list(node_ids)
        texts = self._redis.hmget(KEY, [str(node_id) for node_id in ids]) if ids else []
        return {
            node_id: _read(text.decode() if isinstance(text, bytes) else str(text))
            for node_id, text in zip(ids, texts, strict=True)
            if text is not None
        }

    def forget(self, node_ids: Iterable[int]) -> None:
        ids = [str(node_id) for node_id in node_ids]
        if ids:
            self._redis.hdel(KEY, *ids)


class Acknowledged:
    """Collects what the agents of this process acknowledge, and hands it on in batches, about once a second."""

    def __init__(self) -> None:
        self._noted: dict[int, list[Acknowledgement]] = defaultdict(list)
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def note(self, node_id: int, epoch: int, version: int, now: datetime, changed_at: Iterable[datetime] = ()) -> None:
        """A node applied this version of its map. ``changed_at``: when what was pushed to it for that was changed, by
        the clock of whoever changed it; each counts as a lag."""
        for instant in changed_at:
            ACKNOWLEDGED_SECONDS.observe(max(0.0, (now - instant).total_seconds()))
        with self._lock:
            items = self._noted[node_id]
            items.append(Acknowledgement(epoch, version, now))
            del items[:-KEPT]
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_SECONDS, self._flush_in_time)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Hands everything on. Raises RedisError, upon which it is kept for the next time."""
        with self._lock:
            noted, self._noted = self._noted, defaultdict(list)
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if not noted:
            return
        try:
            acknowledgement_store().put(noted)
        except RedisError:
            with self._lock:
                for node_id, items in noted.items():
                    self._noted[node_id][:0] = items
                    del self._noted[node_id][:-KEPT]
            raise

    def of(self, node_ids: Iterable[int]) -> dict[int, tuple[Acknowledgement, ...]]:
        """What is known of nodes, whichever worker they speak to; those that acknowledged nothing are left out.

        Raises RedisError while Redis does not answer.
        """
        self.flush()
        return acknowledgement_store().get(node_ids)

    def forget(self, node_ids: Iterable[int]) -> None:
        """Drops nodes that are gone."""
        ids = list(node_ids)
        with self._lock:
            for node_id in ids:
                self._noted.pop(node_id, None)
        acknowledgement_store().forget(ids)

    def _flush_in_time(self) -> None:
        try:
            self.flush()
        except RedisError as error:
            # What was noted stays; the next acknowledgement starts the timer again.
            log.warning("acknowledgements.redis_unavailable", error=str(error))


ACKNOWLEDGED: Final = Acknowledged()


@cache
def acknowledgement_store() -> AcknowledgementStore:
    """The installation's store: Redis where the configuration names one, else this process."""
    url = settings.GHOSTWIRE.redis.url
    if url is None:
        return MemoryAcknowledgements()
    return RedisAcknowledgements(redis_client(url))


def _merged(known: str, items: Sequence[Acknowledgement]) -> str:
    kept = known.split()
    latest = _read_one(kept[0]) if kept else None
    for item in items:
        if latest is None or (item.epoch, item.version) > (latest.epoch, latest.version):
            kept.insert(0, _written(item))
            latest = item
    return " ".join(kept[:KEPT])


def _written(item: Acknowledgement) -> str:
    return f"{item.epoch}.{item.version}.{round(item.at.timestamp() * 1_000_000)}"


def _read(text: str) -> tuple[Acknowledgement, ...]:
    return tuple(_read_one(item) for item in text.split())


def _read_one(text: str) -> Acknowledgement:
    epoch, version, at = text.split(".")
    seconds, microseconds = divmod(int(at), 1_000_000)
    return Acknowledgement(
        int(epoch), int(version), datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    )
