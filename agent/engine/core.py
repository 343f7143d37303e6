"""The engine: one agent, from the start of its process to the end."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx

from agent.answers import Ack
from agent.backend import Backend, choose_backend
from agent.clock import Clock, SystemClock
from agent.engine import netcheck
from agent.engine.conversation import Conversation
from agent.engine.first_ping import FirstPing
from agent.engine.lease import Lease
from agent.engine.maps import MapKeeper
from agent.engine.membership import Membership
from agent.engine.observed import LASTS_SECONDS, observed_endpoints
from agent.engine.phase import Phase, Standing
from agent.engine.polling import Poller
from agent.engine.reports import Report, Reports
from agent.engine.rhythm import Rhythm
from agent.engine.rotation import Rotation
from agent.engine.socket import SocketTalk
from agent.engine.upkeep import Upkeep
from agent.engine.verdict import Step, Verdict, after_proof
from agent.engine.worker import TunnelWorker
from agent.errors import BackendError, MapRefusedError, OutdatedMapError
from agent.facts import posture_facts, registration_facts
from agent.rest import Portal, tls_context
from agent.settings import Settings
from agent.state import StateDir
from mesh.errors import GhostWireError
from mesh.keys import encode_key, public_key_of

_log = logging.getLogger(__name__)
_TRAFFIC_SECONDS: Final = 300.0  # the portal adds it up by the hour


class Engine:
    """Runs until it is cancelled; then nothing of it is left on the machine.

    ``sleep`` and ``uniform`` are time and chance, for tests to replace; ``transport`` likewise for REST.
    """

    def __init__(
        self,
        state: StateDir,
        settings: Settings,
        server: str,
        *,
        clock: Clock | None = None,
        make_backend: Callable[[str], Backend] = choose_backend,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
        tls: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.settings = settings
        self.server = server
        self.clock = clock or SystemClock()
        private_key = state.private_key()
        self.standing = Standing()
        self.last_ack: Ack | None = None
        self._seen: dict[str, str] = {}
        self._traffic_told = Report("traffic", self.clock, self._traffic, every=_TRAFFIC_SECONDS)
        self.reports = Reports(
            [
                Report("posture", self.clock, posture_facts),
                Report("observed_endpoints", self.clock, lambda: self._seen, lasts=LASTS_SECONDS),
                Report("relay_latency_ms", self.clock, self._latencies, lasts=netcheck.LASTS_SECONDS),
                self._traffic_told,
            ]
        )
        self._sleep = sleep
        self._tls = tls or tls_context()
        self.portal = Portal(server, private_key, tls=self._tls, transport=transport)
        self.worker = TunnelWorker(state, settings, private_key, self.clock, make_backend=make_backend)
        self.maps = MapKeeper(state, self.worker, encode_key(public_key_of(private_key)))
        self.rotation = Rotation(
            state, portal=self.portal, worker=self.worker, maps=self.maps, clock=self.clock, uniform=uniform
        )
        self.membership = Membership(state, settings, self.portal, self.clock, rotation=self.rotation)
        self.lease = Lease(self.clock, state)
        self.netcheck = netcheck.Netcheck(self._map_in_force, clock=self.clock, sleep=sleep, uniform=uniform)
        self._rhythm = Rhythm(self.clock, sleep)
        self._first_ping = FirstPing(self.worker, sleep=sleep, uniform=uniform, told=self._beat_soon)
        self._upkeep = Upkeep(self.worker, self.maps, self.lease, self.standing, sleep)
        self._poller = Poller(self.portal, self)
        self._conversation = Conversation(
            membership=self.membership,
            maps=self.maps,
            worker=self.worker,
            lease=self.lease,
            standing=self.standing,
            facts=self._facts,
            talk=self._talk,
            poll=self._poll,
            pause=self.pause,
            uniform=uniform,
        )
        self._told: list[str] | None = None
        self._routes_told: tuple[str, ...] | None = None

    @property
    def public_key(self) -> str:
        """The node's public key as it is now, in base64."""
        return self.maps.own_key

    async def run(self) -> None:
        """Bring this machine into the mesh and keep it there."""
        acts = (self._upkeep.run(), self._conversation.run(), self.netcheck.run(), self._first_ping.run())
        tasks = {asyncio.create_task(act) for act in acts}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.lease.keep()
            try:
                await self.worker.end()
            finally:
                await self.portal.close()

    def login(self, auth_key: str | None, *, force: bool = False, may_ask: bool = False) -> None:
        """A person's word: register with this key (``force``: even though the portal knows us), or just try again.

        ``may_ask``: without a key, ask for a person's approval; a request that waits already goes on waiting.
        """
        if self.membership.waiting is not None and auth_key is None and not force:
            return
        self.membership.allow()
        self.membership.may_ask = may_ask
        if auth_key is not None:
            self.membership.auth_key = auth_key
        if force or self.standing.phase is not Phase.RUNNING:
            self.standing.ask()
            self._conversation.wake(force=force)

    def stop_waiting(self) -> None:
        """Nobody waits for the approval any more."""
        if self.membership.waiting is not None:
            self.membership.stop_waiting()
            self._conversation.wake()

    # What a conversation asks of its listener (``agent.engine.talk.Listener``).

    def token(self) -> str:
        """The session's token as it is now."""
        return self.membership.token or ""

    def heartbeat_seconds(self) -> float:
        """The interval of the last ack, or what the registration said."""
        if self.last_ack is not None:
            return self.last_ack.next_heartbeat_seconds
        return float(self.membership.account.network["heartbeat_seconds"]) if self.membership.account else 30.0

    def applied(self) -> tuple[int, int] | None:
        """Epoch and version of the map that stands."""
        return self.maps.applied

    def standing_map(self) -> dict[str, Any] | None:
        """The map that stands, as the portal told it; None where nothing stands, or nothing that can be relied on."""
        return self.maps.standing

    def doubt_map(self) -> None:
        """The next hello asks for a whole map."""
        self.maps.doubted = True

    def untold_endpoints(self) -> list[str] | None:
        """This machine's endpoints, if the portal does not have them yet."""
        tunnel = self.worker.tunnel
        endpoints = tunnel.endpoints() if tunnel is not None else self._told
        return None if endpoints == self._told else endpoints

    def endpoints_told(self, endpoints: list[str]) -> None:
        """The portal has them now."""
        self._told = endpoints

    async def news(self) -> dict[str, Any]:
        """What the next heartbeat tells."""
        try:
            self._seen = await self.worker.use(lambda tunnel: observed_endpoints(tunnel, self.clock.wall().timestamp()))
        except BackendError:
            self._seen = {}  # upkeep says what is wrong with the tunnel
        self._rhythm.heard()  # what comes from here on is worth another one
        return self.reports.take()

    def boot(self) -> float:
        """The boot clock."""
        return self.clock.boot()

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await self._sleep(seconds)

    async def rest(self, seconds: float) -> None:
        """Wait for the next heartbeat, or for news that are worth one before."""
        await self._rhythm.rest(seconds)

    async def take_map(self, raw: Any, *, asked_at: float | None) -> tuple[int, int] | None:
        """Apply a map; what is wrong with it, or with this machine, is logged and shown by ``status``."""
        await self.rotation.heed(raw)
        try:
            at = await self.maps.offer(raw)
        except OutdatedMapError as error:
            _log.error("the map was not applied: %s", error.detail)
            self.doubt_map()
            raise
        except (MapRefusedError, BackendError) as error:
            _log.error("the map was not applied: %s", error.detail)
            self.standing.move(Phase.RUNNING if self.maps.applied else Phase.FAILED, error.detail)
            return None
        self._conversation.backoff.reset()
        if asked_at is not None:
            self.lease.renew(at=asked_at, seconds=int(raw["lease_seconds"]))
        self.standing.move(Phase.RUNNING)
        await self._tell_routes(raw)
        return at

    async def take_ack(self, ack: Ack, *, sent_at: float) -> None:
        """Take note of a heartbeat's answer, and renew the session when it is time."""
        self.reports.accepted()
        if self.last_ack is not None and self.last_ack.epoch != ack.epoch:
            self.reports.forget()  # the portal was restored from a backup, which may be from before it was told
        self.last_ack = ack
        self.lease.renew(at=sent_at, seconds=ack.lease_seconds)
        self.membership.note(ack)
        if self.membership.renewal_is_due(ack):
            await self._renew()
        await self.rotation.consider(ack, self.token())

    async def _renew(self) -> None:
        try:
            await self.membership.prove()
        except GhostWireError as error:
            if after_proof(error).step is not Step.AGAIN:
                raise
            _log.warning("the session could not be renewed yet: %s", error.detail)

    async def _talk(self) -> Verdict:
        talk = SocketTalk(self.server, self._tls, self)
        self.standing.connection = "socket"
        try:
            return await talk.run()
        finally:
            self.standing.connection = "none"

    async def _poll(self, seconds: float) -> Verdict:
        self.standing.connection = "polling"
        try:
            return await self._poller.run(seconds)
        finally:
            self.standing.connection = "none"

    def _facts(self) -> dict[str, Any]:
        tunnel = self.worker.tunnel
        endpoints = tunnel.endpoints() if tunnel else []
        self._told = endpoints
        port = tunnel.config.port if tunnel else self.settings.port
        return registration_facts(self.settings, endpoints=endpoints, port=port or 0)

    def _map_in_force(self) -> dict[str, Any] | None:
        return self.maps.raw if self.maps.applied is not None else None

    def _latencies(self) -> dict[str, Any]:
        return self.netcheck.latencies()

    def _traffic(self) -> dict[str, Any]:
        tunnel = self.worker.tunnel
        return (tunnel.traffic.told() if tunnel is not None else {}) | self._first_ping.member()

    def _beat_soon(self) -> None:
        self._traffic_told.hurry()
        self._rhythm.hurry()

    async def _tell_routes(self, raw: Any) -> None:
        """Where the portal has other routes of ours than the user wants, say so, once for each wish."""
        wished = self.settings.advertised
        known = {route["prefix"] for route in raw["node"].get("routes", [])}
        if known == set(wished) or self._routes_told == wished:
            return
        self._routes_told = wished
        try:
            await self.portal.put_routes(self.token(), list(wished))
        except GhostWireError as error:
            _log.warning("the portal did not take our routes: %s", error.detail)
