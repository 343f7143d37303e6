"""The node's key, and how another takes its place.

Before the portal is asked for anything, both keys lie on the disk; afterwards the node's own map (``node_key``), or the
proof that the portal takes, tells which of the two counts. So neither a crash nor a lost answer loses the node.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from agent.answers import Ack
from agent.clock import Clock
from agent.engine.maps import MapKeeper
from agent.engine.worker import TunnelWorker
from agent.errors import BackendError, StateError
from agent.rest import Portal
from agent.state import StateDir
from mesh.errors import AuthenticationError, ConflictError, GhostWireError, PermissionDeniedError
from mesh.keys import encode_key, public_key_of

_log = logging.getLogger(__name__)
# Machines that came on the same day, or were told to rotate together, must not do so within the same second.
_SPREAD_SECONDS: Final = 5.0
_SPREAD_SHARE: Final = 0.05  # of the time that is left
_SPREAD_MOST: Final = 3600.0
_FIRST_PAUSE: Final = 30.0
_LONGEST_PAUSE: Final = 3600.0


class Rotation:
    """Knows which key is the node's, and changes it when the map says so."""

    def __init__(
        self,
        state: StateDir,
        *,
        portal: Portal,
        worker: TunnelWorker,
        maps: MapKeeper,
        clock: Clock,
        uniform: Callable[[float, float], float],
    ) -> None:
        self._state = state
        self._portal = portal
        self._worker = worker
        self._maps = maps
        self._clock = clock
        self._uniform = uniform
        self._next = state.next_key()
        self._aim: datetime | None = None
        self._due: datetime | None = None
        self._served: datetime | None = None
        self._failures = 0
        self._not_before = float("-inf")

    @property
    def next_key(self) -> bytes | None:
        """The private key that the portal may have taken already; None outside a rotation."""
        return self._next

    async def heed(self, netmap: Any) -> None:
        """A map came: if it is of the key that was asked for, that one is the node's, whatever became of the answer."""
        if self._next is not None and isinstance(netmap, dict) and netmap.get("node_key") == _public(self._next):
            await self.adopt()

    async def consider(self, ack: Ack, token: str) -> None:
        """The portal has just answered: rotate if it is time. Failures are logged, and tried again later.

        :raises AuthenticationError: if the session, or the key itself, counts no longer
        """
        tunnel = self._worker.tunnel
        at = tunnel.netmap.node.rotate_key_at if tunnel is not None and tunnel.netmap is not None else None
        if at is None or at == self._served or not self._is_time(at, ack.server_time):
            return
        if ack.key_expires_at is not None and ack.key_expires_at <= ack.server_time:
            return  # the owner must log in first: no rotation outlives that
        if self._clock.boot() >= self._not_before:
            await self._rotate(token, at)

    async def adopt(self) -> None:
        """The next key is the node's from here on: on the disk, towards the portal, and on the interface."""
        key, self._next = self._next, None
        assert key is not None
        try:
            self._state.end_rotation(rotated=True)
        except StateError as error:
            # Both keys are still there: the next start finds out again which one counts.
            _log.error("the new key is not in its place yet: %s", error.detail)
        self._portal.use_key(key)
        self._maps.change_key(_public(key))
        self._failures = 0
        try:
            await self._worker.change_key(key)
        except BackendError as error:
            # The interface is taken away then; upkeep makes it anew, with the new key.
            _log.error("the interface did not take the new key: %s", error.detail)
        _log.info("this node has a new key")

    def _is_time(self, at: datetime, now: datetime) -> bool:
        """``now`` is the portal's: a machine whose own clock is wrong would rotate for ever, or never."""
        if at != self._aim or self._due is None:
            left = max(0.0, (at - now).total_seconds())
            spread = min(_SPREAD_MOST, _SPREAD_SECONDS + left * _SPREAD_SHARE)
            self._aim, self._due = at, at + timedelta(seconds=self._uniform(0.0, spread))
        return now >= self._due

    async def _rotate(self, token: str, at: datetime) -> None:
        try:
            if self._next is None:
                self._next = self._state.begin_rotation()
            await self._portal.rotate_key(token, self._next)
        except AuthenticationError:
            self._put_off(None)
            raise
        except (ConflictError, PermissionDeniedError) as error:
            self._put_off(error.retry_after)
            _log.error("the portal did not take a new key: %s", error.detail)
            await self._look(token)
        except GhostWireError as error:
            self._put_off(error.retry_after)
            _log.warning("the key could not be changed yet: %s", error.detail)
        else:
            self._served = at
            if self._next is not None:  # else a map told so while the answer was on its way
                await self.adopt()

    async def _look(self, token: str) -> None:
        """The portal refused: its map says whether it has the next key after all. If not, that key is of no use."""
        try:
            netmap = (await self._portal.netmap(token)).netmap
        except GhostWireError as error:
            _log.warning("it is not known yet which key counts: %s", error.detail)
            return
        await self.heed(netmap)
        if self._next is not None and isinstance(netmap, dict) and netmap.get("node_key") == self._maps.own_key:
            self._state.end_rotation(rotated=False)
            self._next = None

    def _put_off(self, retry_after: float | None) -> None:
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._not_before = self._clock.boot() + max(self._uniform(pause / 2, pause), retry_after or 0.0)


def _public(private_key: bytes) -> str:
    return encode_key(public_key_of(private_key))
