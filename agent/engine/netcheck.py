"""How far the relays are: measured now and then, told in heartbeats, and shown by ``netcheck``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from agent.clock import Clock
from agent.relays import RelayRegion, RelayServer, home_of, read_relays
from agent.stun import Measured, measure

EVERY_SECONDS: Final = 120.0
LASTS_SECONDS: Final = 110.0
"""The portal smooths what it is told, so that it has to hear each measurement; what it has already costs it nothing."""
_TICK_SECONDS: Final = 2.0
_JITTER: Final = 0.2
_NEAR_MS: Final = 2.0
_NEAR_SHARE: Final = 0.1

Measure = Callable[[Sequence[RelayServer]], Awaitable[Measured]]


class Netcheck:
    """Measures the regions of the map that stands. ``netmap`` gives that map as the portal told it, or None."""

    def __init__(
        self,
        netmap: Callable[[], dict[str, Any] | None],
        *,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        uniform: Callable[[float, float], float],
        measure: Measure = measure,
    ) -> None:
        self._netmap = netmap
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._measure = measure
        self._told: dict[str, float] = {}
        self._of: tuple[RelayRegion, ...] = ()
        self._due = float("-inf")

    async def run(self) -> None:
        """Measure until cancelled: when regions change, and every two minutes or so."""
        while True:
            regions = read_relays(self._netmap())
            if regions != self._of or self._clock.boot() >= self._due:
                await self.once()
            await self._sleep(_TICK_SECONDS)

    async def once(self) -> dict[str, Any]:
        """Measure now; what ``netcheck`` shows of it (``agent/schemas/netcheck-v1.json``)."""
        netmap = self._netmap()
        regions = read_relays(netmap)
        self._of = regions
        self._due = self._clock.boot() + self._uniform(EVERY_SECONDS * (1 - _JITTER), EVERY_SECONDS * (1 + _JITTER))
        servers = [server for region in regions for server in region.servers]
        found = await self._measure(servers) if servers else Measured()
        self._told = {
            str(region.id): _steady(self._told.get(str(region.id)), ms)
            for region in regions
            if (ms := _latency(region, found)) is not None
        }
        return _shown(regions, found, home_of(netmap))

    def latencies(self) -> dict[str, float]:
        """Milliseconds by region id as heartbeats tell them; those of the last measurement, or hardly other ones."""
        return dict(self._told)


def _steady(told: float | None, ms: float) -> float:
    """A latency that hardly moved stays as it was told, so that the portal need not write it down again."""
    if told is not None and abs(ms - told) <= max(_NEAR_MS, told * _NEAR_SHARE):
        return told
    return ms


def _latency(region: RelayRegion, found: Measured) -> float | None:
    times = [found.latencies[server] for server in region.servers if server in found.latencies]
    return min(times) if times else None


def _shown(regions: Sequence[RelayRegion], found: Measured, home: int | None) -> dict[str, Any]:
    return {
        "udp": bool(found.latencies),
        "ipv4_endpoint": str(found.ipv4) if found.ipv4 else None,
        "ipv6_endpoint": str(found.ipv6) if found.ipv6 else None,
        "home": home,
        "regions": [
            {
                "id": region.id,
                "code": region.code,
                "name": region.name,
                "latency_ms": _latency(region, found),
                "servers": [
                    {"name": server.name, "host": server.host, "latency_ms": found.latencies.get(server)}
                    for server in region.servers
                ],
            }
            for region in regions
        ],
    }
