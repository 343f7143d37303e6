"""The first ping: once it has peers, an agent pings them until one answers, and tells the portal of it.

So whoever brings machines into the mesh learns that packets really pass, without a hand on them, and the tunnel that
they ask for next is up already. One request at a time, rarer and rarer while nobody answers, and none after that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from agent.engine.worker import TunnelWorker
from agent.errors import BackendError
from agent.icmp import Pinger
from agent.netmap import Peer
from agent.tunnel import Tunnel

_LOOK_SECONDS: Final = 1.0
_TIMEOUT_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 600.0
_AWAY_SECONDS: Final = 15.0  # between two looks where none of the peers can be asked
_FEW: Final = 8  # peers that are asked one after the other before it gets rarer
_log = logging.getLogger(__name__)

Ping = Callable[[str, str], float | None]
"""Interface and address to the seconds that an answer took, None if none came. Raises BackendError."""


def ping(interface: str, address: str) -> float | None:
    """One echo request through the mesh."""
    return Pinger(interface, address).once(1, _TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answered, and within how many milliseconds."""

    peer_id: int
    milliseconds: float


class FirstPing:
    """Pings the peers of the tunnel in turn. ``told`` is called once, when one has answered."""

    def __init__(
        self,
        worker: TunnelWorker,
        *,
        sleep: Callable[[float], Awaitable[None]],
        uniform: Callable[[float, float], float],
        told: Callable[[], None],
        ping: Ping = ping,
    ) -> None:
        self.answer: Answer | None = None
        self._worker = worker
        self._sleep = sleep
        self._told = told
        self._ping = ping
        self._known: frozenset[int] = frozenset()
        # Else all agents that start together, as after an upgrade, would begin with the same peer.
        self._start = uniform(0.0, 1.0)
        self._turn = 0
        self._pause = _LOOK_SECONDS

    async def run(self) -> None:
        """Ping until somebody answers; ends with the task alone."""
        while self.answer is None:
            await self._sleep(await self.once())
        await asyncio.Event().wait()

    async def once(self) -> float:
        """One round; the seconds until the next."""
        peers = await self._peers()
        ids = frozenset(peer.id for peer in peers)
        came, self._known = ids - self._known, ids
        if came and len(ids) - len(came) < _FEW:
            # Somebody who was not asked yet, and who may hear of this machine a moment after it of him: the handshake
            # of a ping that came too early would be tried again after five seconds only.
            self._pause = _LOOK_SECONDS
            return _LOOK_SECONDS
        if not peers:
            # Before the first peer a look costs nothing, and the time until the first ping counts.
            tunnel = self._worker.tunnel
            return self._rarer(_AWAY_SECONDS) if tunnel is not None and tunnel.in_force else _LOOK_SECONDS
        await self._ask(peers[(int(self._start * len(peers)) + self._turn) % len(peers)])
        self._turn += 1
        if self.answer is not None:
            return 0.0
        if self._turn % min(len(peers), _FEW) == 0:
            return self._rarer()
        return self._pause

    def _rarer(self, longest: float = _LONGEST_SECONDS) -> float:
        self._pause = min(2 * self._pause, longest)
        return self._pause

    async def _ask(self, peer: Peer) -> None:
        tunnel = self._worker.tunnel
        if tunnel is None:
            return
        address = str(peer.addresses[0].network_address)
        try:
            seconds = await asyncio.to_thread(self._ping, tunnel.config.interface, address)
        except BackendError as error:
            _log.debug("the first ping was not sent: %s", error.detail)
            return
        if seconds is not None:
            self.answer = Answer(peer.id, round(seconds * 1000, 1))
            _log.info("%s answered the first ping, after %.1f ms", peer.name, self.answer.milliseconds)
            self._told()

    async def _peers(self) -> list[Peer]:
        """Those that may answer."""
        if self._worker.tunnel is None or not self._worker.tunnel.in_force:
            return []
        try:
            return await self._worker.use(_reachable)
        except BackendError:
            return []

    def member(self) -> dict[str, Any]:
        """What heartbeats tell of it, within ``traffic``."""
        if self.answer is None:
            return {}
        return {"first_ping": {"peer_id": self.answer.peer_id, "milliseconds": self.answer.milliseconds}}


def _reachable(tunnel: Tunnel) -> list[Peer]:
    return [peer for peer in tunnel.in_force if peer.online and peer.addresses and peer.endpoints]
