"""The same conversation over REST, where a socket cannot be had: heartbeats, and the map when its version moved."""

from __future__ import annotations

import logging

from agent.engine.talk import Listener
from agent.engine.verdict import Step, Verdict, after_call
from agent.rest import Portal
from mesh.errors import GhostWireError, ThrottledError, ValidationError

_log = logging.getLogger(__name__)


class Poller:
    """Polls one portal. Keeps the ETag of the last map between polls."""

    def __init__(self, portal: Portal, listener: Listener) -> None:
        self.heard = False
        self._portal = portal
        self._listener = listener
        self._etag: str | None = None
        self._looked_at: tuple[int, int] | None = None  # the version at which we last asked for the map

    async def run(self, seconds: float) -> Verdict:
        """Poll until ``seconds`` are over, then say that the socket is worth another try; or stop at a refusal."""
        until = self._listener.boot() + seconds
        self.heard = False
        while True:
            try:
                interval = await self._once()
            except GhostWireError as error:
                verdict = after_call(error)
                if verdict.step is Step.AGAIN:
                    await self._listener.pause(max(verdict.pause, until - self._listener.boot()))
                return verdict
            self.heard = True
            left = until - self._listener.boot()
            if left <= 0:
                return Verdict(Step.AGAIN, "polling: the socket is tried again")
            await self._listener.rest(min(left, interval))

    async def _once(self) -> float:
        listener, portal = self._listener, self._portal
        endpoints = listener.untold_endpoints()
        if endpoints is not None:
            await portal.put_endpoints(listener.token(), endpoints)
            listener.endpoints_told(endpoints)
        sent_at = listener.boot()
        facts = await listener.news()
        try:
            ack = await portal.heartbeat(listener.token(), facts)
        except ThrottledError as error:
            if not listener.reports.put_off(error.retry_after):
                raise
            return listener.heartbeat_seconds()  # the next one goes without it
        except ValidationError as error:
            if not listener.reports.refused([item.field for item in error.errors], error.detail):
                raise
            return listener.heartbeat_seconds()
        await listener.take_ack(ack, sent_at=sent_at)
        at = (ack.epoch, ack.map_version)
        applied = listener.applied()
        if applied is None or at not in (applied, self._looked_at):
            asked_at = listener.boot()
            answer = await portal.netmap(listener.token(), etag=self._etag if applied is not None else None)
            if answer.netmap is None:
                self._looked_at = at  # the version moved, and nothing that this node may see
            elif await listener.take_map(answer.netmap, asked_at=asked_at) is not None:
                self._etag, self._looked_at = answer.etag, at
        return ack.next_heartbeat_seconds
