"""Rate limits that decide and count in one step, so that calls at once cannot slip through together.

The generic cell rate algorithm: each key stores one instant, the theoretical arrival time of the next call. One
process keeps it in memory, several share it in Redis, where a script makes the step atomic.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Final, Protocol

import structlog
from blake3 import blake3
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from mesh.errors import ThrottledError
from nodes.shared_redis import redis_client

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """``count`` calls in ``seconds``, all of which may come at once unless ``burst`` is smaller.

    A ``burst`` between 1 and 2 admits no second call at once, and forgives a part of an interval.
    """

    name: str
    count: int
    seconds: float
    burst: float | None = None

    @property
    def interval(self) -> float:
        """Seconds between two calls at the steady rate."""
        return self.seconds / self.count

    @property
    def tolerance(self) -> float:
        """How far ahead of the steady rate a caller may run, in seconds."""
        return self.interval * ((self.burst or self.count) - 1)


# A quarter of a second's grace: who sends once a second is not refused for what the network does to the pace.
HEARTBEATS: Final = Limit("heartbeat", 1, 1.0, burst=1.25)
FULL_MAPS: Final = Limit("full_map", 1, 5.0, burst=5)
ENDPOINT_CHANGES: Final = Limit("endpoints", 6, 60.0)
POSTURE_CHANGES: Final = Limit("posture", 1, 60.0)
ROUTE_CHANGES: Final = Limit("routes", 6, 60.0)
KEY_CHANGES: Final = Limit("key", 6, 60.0)


class LimitStore(Protocol):
    """Where the instants are kept."""

    def take(self, key: str, limit: Limit, now: float) -> float:
        """Counts one call; returns 0 if it is within the limit, else the seconds until one would be."""


class MemoryLimits:
    """For one process. Keys that are back at rest are swept out when there are many."""

    SWEEP_AT = 10_000

    def __init__(self) -> None:
        self._arrivals: dict[str, float] = {}
        self._sweep_at = self.SWEEP_AT
        self._lock = threading.Lock()

    def take(self, key: str, limit: Limit, now: float) -> float:
        interval, tolerance = limit.interval, limit.tolerance
        with self._lock:
            if len(self._arrivals) >= self._sweep_at:
                self._arrivals = {known: at for known, at in self._arrivals.items() if at > now}
                # Twice what is in use: with many keys in use, a sweep a call would cost more than the calls.
                self._sweep_at = max(self.SWEEP_AT, 2 * len(self._arrivals))
            # Nobody is further ahead than one call beyond the tolerance, unless the clock went back, which is not the
            # caller's fault.
            arrival = self._arrivals.get(key, now)
            if arrival <= now:
                # At rest: most calls are.
                self._arrivals[key] = now + interval
                return 0.0
            arrival = min(arrival, now + tolerance + interval)
            wait = max(0.0, arrival - tolerance - now)
            self._arrivals[key] = arrival if wait else arrival + interval
            return wait


class RedisLimits:
    """For several processes. While Redis is away each of them counts for itself: limits are no reason to stop."""

    SCRIPT = """
    local arrival = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
    local now, tolerance, interval = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    if arrival < now then arrival = now end
    if arrival > now + tolerance + interval then arrival = now + tolerance + interval end
    local wait = arrival - tolerance - now
    if wait <= 0 then arrival = arrival + interval end
    if arrival > now then
        redis.call('SET', KEYS[1], string.format('%.6f', arrival), 'PX', math.ceil((arrival - now) * 1000) + 1)
    end
    if wait <= 0 then return '0' end
    return tostring(wait)
    """
    ALONE_SECONDS = 1.0
    """How long Redis is left in peace after it failed: waiting for it in every call would stop what limits protect."""

    def __init__(self, client: Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._script = client.register_script(self.SCRIPT)
        self._alone = MemoryLimits()
        self._clock = clock
        self._lock = threading.Lock()
        # While it is away, and whether a call is finding out if it still is.
        self._alone_until: float | None = None
        self._asking = False

    def take(self, key: str, limit: Limit, now: float) -> float:
        if self._alone_until is not None and not self._may_ask():
            return self._alone.take(key, limit, now)
        try:
            wait = float(self._script(keys=[f"ghostwire:limit:{key}"], args=[now, limit.tolerance, limit.interval]))
        except RedisError as error:
            log.warning("limits.redis_unavailable", error=str(error))
            # From when it failed, not from when it was asked: a Redis that hangs takes its time.
            self._alone_until = self._clock() + self.ALONE_SECONDS
            return self._alone.take(key, limit, now)
        else:
            self._alone_until = None
            return wait
        finally:
            self._asking = False

    def _may_ask(self) -> bool:
        """Whether this call finds out if Redis is back: one at a time, the others would all wait for it."""
        with self._lock:
            until = self._alone_until
            if self._asking or (until is not None and self._clock() < until):
                return False
            self._asking = True
            return True


@cache
def limit_store() -> LimitStore:
    """The installation's store: Redis where the configuration names one, else this process."""
    url = settings.GHOSTWIRE.redis.url
    if url is None:
        return MemoryLimits()
    return RedisLimits(redis_client(url))


def enforce(limit: Limit, subject: str, now: float) -> None:
    """Counts one call of ``subject``. ``now``: seconds since 1970. Raises ThrottledError with the seconds to wait."""
    wait = limit_store().take(f"{limit.name}:{subject}", limit, now)
    if wait > 0:
        raise ThrottledError("Too many requests.", retry_after=wait)


@cache
def heartbeat_limits() -> MemoryLimits:
    """Heartbeats are counted in this process alone, also where there is Redis.

    The limit keeps an agent that runs wild from using up this process, and nothing else hangs on it: what heartbeats
    write has limits of its own, which all processes share. An agent that spreads its calls over several processes gets
    once a second from each; asking Redis would cost every other node ten times what the heartbeat does.
    """
    return MemoryLimits()


def enforce_heartbeat(node_id: int, now: datetime) -> None:
    """Counts a heartbeat of a node. Raises ThrottledError with the seconds to wait."""
    wait = heartbeat_limits().take(str(node_id), HEARTBEATS, now.timestamp())
    if wait > 0:
        raise ThrottledError("Too many requests.", retry_after=wait)


def enforce_challenge(origin: str, now: float) -> None:
    """Limits challenges per address and in all."""
    limits = settings.GHOSTWIRE.limits
    enforce(_configured("challenge", limits.challenges_per_address), source_of(origin), now)
    enforce(_configured("challenges", limits.challenges_in_all), "all", now)


def enforce_registration(origin: str, auth_key: str | None, now: float) -> None:
    """Limits registrations per address, per auth key and in all."""
    limits = settings.GHOSTWIRE.limits
    enforce(_configured("registration", limits.registrations_per_address), source_of(origin), now)
    if auth_key is not None:
        # A digest, so that no part of a key stands in a store or in its logs.
        subject = blake3(auth_key.encode(errors="replace")).hexdigest(16)
        enforce(_configured("registration_key", limits.registrations_per_key), subject, now)
    enforce(_configured("registrations", limits.registrations_in_all), "all", now)


def _configured(name: str, rate: object) -> Limit:
    return Limit(name, rate.count, float(rate.seconds))  # type: ignore[attr-defined]


def source_of(origin: str) -> str:
    """One subject an IPv4 address, one an IPv6 /64: a host has as many addresses of the latter as it likes."""
    try:
        address = ip_address(origin)
    except ValueError:
        return "unknown"
    if address.version == 6:
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
