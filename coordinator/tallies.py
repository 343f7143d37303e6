"""What all workers did since somebody asked last: each process adds what it counted, one reader takes the sum.

One process keeps the sum in memory; several share it in a Redis hash. A process that ends without a word takes at most
its last few seconds along; what Redis forgets is missed by the figures and by nothing else.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, Protocol

from django.conf import settings
from prometheus_client.registry import Collector
from redis import Redis

from coordinator.metrics import FRAMES, HEARTBEATS, MAPS, REQUESTS
from nodes.shared_redis import redis_client

KEY: Final = "ghostwire:tally"
REPORT_SECONDS: Final = 5.0
KEPT_SECONDS: Final = 3600
"""What nobody takes for so long is dropped: it would be told of a moment when it did not happen."""
SHARED: Final = "reports"
"""Counted with every report: without one, nothing is known, which is not the same as nothing done."""
MAP_PREFIX: Final = "map:"


class TallyStore(Protocol):
    """Where processes add up."""

    def add(self, counts: Mapping[str, int]) -> None:
        """Adds what one process did."""

    def take(self) -> dict[str, int]:
        """The sum, which begins anew; empty if no process reported."""


class MemoryTally:
    """For one process."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, counts: Mapping[str, int]) -> None:
        with self._lock:
            self._counts.update(counts)

    def take(self) -> dict[str, int]:
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return dict(taken)


class RedisTally:
    """For several processes. Its errors are redis-py's."""

    ADD = """
    for index = 2, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[index], ARGV[index + 1]) end
    redis.call('EXPIRE', KEYS[1], ARGV[1])
    """
    TAKE = "local all = redis.call('HGETALL', KEYS[1]); redis.call('DEL', KEYS[1]); return all"

    def __init__(self, client: Redis) -> None:
        self._add = client.register_script(self.ADD)
        self._take = client.register_script(self.TAKE)

    def add(self, counts: Mapping[str, int]) -> None:
        flat = [item for pair in counts.items() for item in pair]
        self._add(keys=[KEY], args=[KEPT_SECONDS, *flat])

    def take(self) -> dict[str, int]:
        flat: list[Any] = [_text(item) for item in self._take(keys=[KEY])]
        return {name: int(count) for name, count in zip(flat[::2], flat[1::2], strict=True)}


@cache
def tally_store() -> TallyStore:
    """The installation's store: Redis where the configuration names one, else this process."""
    url = settings.GHOSTWIRE.redis.url
    return MemoryTally() if url is None else RedisTally(redis_client(url))


class Tallies:
    """What this process counted, and how much of it was handed on. For one thread at a time."""

    def __init__(self) -> None:
        self._told: Counter[str] = Counter()

    def flush(self) -> None:
        """Hands on what was counted since the last time. Raises RedisError; then the next time hands on that too."""
        counted = count_here()
        more = {name: count - self._told[name] for name, count in counted.items() if count > self._told[name]}
        tally_store().add({**more, SHARED: 1})
        self._told = counted


def count_here() -> Counter[str]:
    """What this process did since it began: ``heartbeats``, ``pushes``, ``errors``, and maps by ``map:SECONDS``."""
    found: Counter[str] = Counter()
    found["heartbeats"] = HEARTBEATS.from_memory + HEARTBEATS.from_database
    for labels, value in _samples(FRAMES, "ghostwire_frames_total"):
        if labels["kind"] in ("netmap", "delta"):
            found["pushes"] += round(value)
    for labels, value in _samples(REQUESTS, "ghostwire_http_requests_total"):
        if labels["status"].startswith("5"):
            found["errors"] += round(value)
    before = 0
    for labels, value in _samples(MAPS, "ghostwire_map_build_seconds_bucket"):
        found[MAP_PREFIX + labels["le"]] = round(value) - before
        before = round(value)
    return found


def map_buckets() -> list[str]:
    """Upper bounds in seconds of the buckets of map times, in order; the last is ``+Inf``."""
    return [labels["le"] for labels, _ in _samples(MAPS, "ghostwire_map_build_seconds_bucket")]


def _samples(collector: Collector, name: str) -> Iterable[tuple[dict[str, str], float]]:
    for metric in collector.collect():
        for sample in metric.samples:
            if sample.name == name:
                yield sample.labels, sample.value


def _text(item: Any) -> str:
    return item.decode() if isinstance(item, bytes) else str(item)


TALLIES: Final = Tallies()
