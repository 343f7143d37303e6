"""What the tunnel needs as time passes, whether or not the portal answers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from agent.engine.lease import Lease
from agent.engine.maps import MapKeeper
from agent.engine.phase import Phase, Standing
from agent.engine.worker import TunnelWorker
from agent.errors import BackendError
from agent.tunnel import Tunnel

_log = logging.getLogger(__name__)
_TICK_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 5.0
_PEERS_A_TICK: Final = 500  # asking a device for all its peers costs: more of them are asked for more rarely


class Upkeep:
    """Ends the lease, brings a lost interface back, moves paths on, and notices when the machine itself moves."""

    def __init__(
        self,
        worker: TunnelWorker,
        maps: MapKeeper,
        lease: Lease,
        standing: Standing,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._worker = worker
        self._maps = maps
        self._lease = lease
        self._standing = standing
        self._sleep = sleep
        self._looked = float("-inf")

    async def run(self) -> None:
        """Tend the tunnel until cancelled."""
        while True:
            await self._sleep(await self.once())

    async def once(self) -> float:
        """One round; returns the seconds until the next."""
        if self._worker.tunnel is None:
            return _TICK_SECONDS
        try:
            await self._end_lease()
            await self._restore()
            await self._worker.use(self._tend)
        except BackendError as error:
            if self._worker.tunnel is None:
                return _TICK_SECONDS  # it was closed meanwhile
            self._maps.applied = None
            if self._standing.move(Phase.FAILED, error.detail):
                _log.error("the tunnel failed: %s", error.detail)
            return _RETRY_SECONDS
        tunnel = self._worker.tunnel
        return max(_TICK_SECONDS, len(tunnel.in_force) / _PEERS_A_TICK) if tunnel else _TICK_SECONDS

    async def _end_lease(self) -> None:
        if self._maps.applied is not None and self._lease.left() <= 0:
            _log.warning("the portal has not answered for the whole lease: all peers are removed")
            await self._maps.cut()
            self._standing.move(Phase.LEASE_OVER, "the portal has not answered for the whole lease")

    async def _restore(self) -> None:
        if not await self._worker.use(lambda tunnel: tunnel.restore()):
            return
        _log.warning("the interface was lost and is made anew")
        tunnel = self._worker.tunnel
        if tunnel is not None and tunnel.netmap is not None:
            self._maps.applied = (tunnel.netmap.epoch, tunnel.netmap.version)
            self._standing.move(Phase.RUNNING)

    def _tend(self, tunnel: Tunnel) -> None:
        tunnel.tend()
        now = self._lease.clock.boot()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            if tunnel.look_around():
                _log.info("the addresses of this machine changed")
