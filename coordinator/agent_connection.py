"""One connected agent: what it says, what it is told, and when the connection has to end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from coordinator.agent_messages import Ack, EndpointsMessage, Heartbeat, Message, ack_frame, netmap_frame
from coordinator.authentication import check_node
from coordinator.fanout import (
    CLOSE_NOT_ACTIVE,
    CLOSE_OVERLOADED,
    CLOSE_SESSION_ENDED,
    CLOSE_SILENT,
    FANOUT,
    Audience,
)
from coordinator.heartbeats import answer_heartbeat, update_endpoints
from coordinator.limits import FULL_MAPS, enforce
from coordinator.presence import note_alive
from coordinator.serializers import parse_heartbeat
from coordinator.snapshots import SNAPSHOTS, MapBody, current_version
from coordinator.threads import in_thread
from mesh.change import Cause
from mesh.errors import AuthenticationError, PermissionDeniedError
from sessions_app.models import NodeSession

MISSED_HEARTBEATS: Final = 3
# Answers that wait for a reader that does not drain. An agent that asks on without reading is cut off.
MAX_WAITING: Final = 32


class AgentConnection:
    """Implements ``coordinator.fanout.Connection``. Lives on one event loop."""

    def __init__(
        self, *, session: NodeSession, send: Callable[[dict[str, Any]], Awaitable[None]], origin: str, request_id: str
    ) -> None:
        node = session.node
        self.audience = Audience(node.network_id, node.pk, session.pk)
        self.loop = asyncio.get_running_loop()
        self.etag: str | None = None
        self.acknowledged: tuple[int, int] | None = None
        self._send = send
        self._cause = Cause.node(node.pk, origin=origin, request_id=request_id)
        self._keepalive = float(node.network.keepalive_seconds)
        self._push_interval: float = settings.GHOSTWIRE.network.push_interval.total_seconds()
        self._heard = self.loop.time()
        self._ends_at = _end_of(session)
        self._body: MapBody | None = None
        self._sent_version = 0
        self._next_push = 0.0
        self._waiting: deque[str] = deque()
        self._code: int | None = None
        self._wake = asyncio.Event()

    # --- What the fan-out and the reader ask for

    def offer(self, body: MapBody) -> None:
        """Takes the newest map; an older one that was not sent yet is forgotten, and a late older one ignored."""
        newest = self._sent_version if self._body is None else self._body.version
        if body.version < newest:
            return
        self._body = body
        self.etag = body.etag
        self._wake.set()

    def say(self, frame: str) -> None:
        """Puts an answer in line."""
        if len(self._waiting) >= MAX_WAITING:
            self.close(CLOSE_OVERLOADED)
            return
        self._waiting.append(frame)
        self._wake.set()

    def close(self, code: int) -> None:
        """Ends the connection once what stands in line is sent."""
        if self._code is None:
            self._code = code
            self._wake.set()

    def forget(self) -> None:
        """Takes the connection out of the fan-out."""
        FANOUT.remove(self)

    async def greet(self) -> None:
        """Gives the agent its map, and from now on every change of it. Raises ThrottledError."""
        await in_thread(enforce, FULL_MAPS, str(self.audience.node_id), timezone.now().timestamp())
        FANOUT.add(self)
        self.offer(await in_thread(self._first_map))

    async def take(self, message: Message) -> None:
        """Acts on a message. Raises what the message is refused with."""
        self._heard = self.loop.time()
        now = timezone.now()
        match message:
            case Ack():
                self.acknowledged = (message.epoch, message.version)
                note_alive(self.audience.network_id, self.audience.node_id, is_online=True, now=now)
            case Heartbeat():
                self.say(ack_frame(await in_thread(self._beat, message.body, now)))
            case EndpointsMessage():
                await in_thread(self._set_endpoints, message.endpoints, now)

    # --- The writer

    async def run(self) -> None:
        """Sends what stands in line until the connection has to end; then closes it."""
        while True:
            frame = self._next_frame()
            if frame is not None:
                await self._send({"type": "websocket.send", "text": frame})
                continue
            if self._code is None:
                self._code = await self._due()
            if self._code is not None and not self._waiting:
                await self._send({"type": "websocket.close", "code": self._code})
                return
            await self._pause()

    def _next_frame(self) -> str | None:
        if self._waiting:
            return self._waiting.popleft()
        if self._body is not None and self._code is None and self.loop.time() >= self._next_push:
            body, self._body = self._body, None
            self._sent_version = body.version
            self._next_push = self.loop.time() + self._push_interval
            return netmap_frame(body.json)
        return None

    async def _due(self) -> int | None:
        """The close code if the agent fell silent or its session's time is over."""
        if self.loop.time() - self._heard > MISSED_HEARTBEATS * self._keepalive:
            return CLOSE_SILENT
        if self._ends_at > timezone.now():
            return None
        try:
            self._ends_at = await in_thread(self._renewed_end)
        except PermissionDeniedError:
            return CLOSE_NOT_ACTIVE
        except AuthenticationError:
            return CLOSE_SESSION_ENDED
        return None

    async def _pause(self) -> None:
        now = self.loop.time()
        waits = [
            self._heard + MISSED_HEARTBEATS * self._keepalive - now,
            (self._ends_at - timezone.now()).total_seconds(),
        ]
        if self._body is not None:
            waits.append(self._next_push - now)
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.01, min(waits)))
        except TimeoutError:
            return
        self._wake.clear()

    # --- In threads

    def _first_map(self) -> MapBody:
        network_id, node_id = self.audience.network_id, self.audience.node_id
        snapshot = SNAPSHOTS.get(network_id, current_version(network_id))
        node = snapshot.topology.nodes.get(node_id)
        note_alive(network_id, node_id, is_online=node is not None and node.online, now=timezone.now())
        return snapshot.body_of(node_id)

    def _beat(self, body: dict[str, Any], now: datetime) -> dict[str, Any]:
        session = self._session(now)
        self._ends_at = _end_of(session)
        return answer_heartbeat(session=session, report=parse_heartbeat(body), cause=self._cause, now=now)

    def _set_endpoints(self, endpoints: list[Any], now: datetime) -> None:
        report = parse_heartbeat({"endpoints": endpoints})
        update_endpoints(node=self._session(now).node, endpoints=report.endpoints or (), cause=self._cause, now=now)

    def _renewed_end(self) -> datetime:
        return _end_of(self._session(timezone.now()))

    def _session(self, now: datetime) -> NodeSession:
        """The session as it stands now. Raises AuthenticationError, PermissionDeniedError if it may not go on."""
        session = (
            NodeSession.objects.select_related("node__network", "node__owner")
            .filter(pk=self.audience.session_id)
            .first()
        )
        if session is None:
            raise PermissionDeniedError("This node was deleted.")
        check_node(session.node, now)
        if session.ended_at is not None or session.expires_at <= now or session.node.login_required:
            raise AuthenticationError("The session has ended.")
        return session


def _end_of(session: NodeSession) -> datetime:
    """When the session ends by the clock, or the node's key if that is sooner."""
    ends = session.node.key_expires_at
    return session.expires_at if ends is None else min(session.expires_at, ends)
