"""One connected agent: what it says, what it is told, and when the connection has to end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from coordinator.agent_messages import Ack, EndpointsMessage, Heartbeat, Message, ack_frame
from coordinator.authentication import check_node
from coordinator.fanout import (
    CLOSE_NOT_ACTIVE,
    CLOSE_OVERLOADED,
    CLOSE_SESSION_ENDED,
    CLOSE_SILENT,
    FANOUT,
    Audience,
    Push,
)
from coordinator.frames import Body, Frame, delta_frame, netmap_frame, text_frame
from coordinator.heartbeats import answer_heartbeat, update_endpoints
from coordinator.limits import FULL_MAPS, enforce
from coordinator.presence import note_alive
from coordinator.replica import REPLICAS
from coordinator.serializers import parse_heartbeat
from coordinator.telling import Telling, catch_up, first_telling
from coordinator.threads import in_thread
from mesh.change import Cause
from mesh.errors import AuthenticationError, NotFoundError, PermissionDeniedError
from sessions_app.models import NodeSession

MISSED_HEARTBEATS: Final = 3
# Answers that wait for a reader that does not drain. An agent that asks on without reading is cut off.
MAX_WAITING: Final = 32
# A socket that had nothing to see for so many versions gets an empty delta with its next heartbeat, so that the
# version it would come back with never is too old.
FAR_BEHIND: Final = 32


class AgentConnection:
    """Implements ``coordinator.fanout.Connection``. Lives on one event loop.

    Between two pushes nothing is kept but the version that the agent is at: what it missed meanwhile is worked out
    when it can take it. So a reader that does not drain costs no memory.
    """

    def __init__(
        self,
        *,
        session: NodeSession,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        origin: str,
        request_id: str,
        zstd: bool = False,
    ) -> None:
        node = session.node
        self.audience = Audience(node.network_id, node.pk, session.pk)
        self.loop = asyncio.get_running_loop()
        self.acknowledged: tuple[int, int] | None = None
        self._send = send
        self._zstd = zstd
        self._cause = Cause.node(node.pk, origin=origin, request_id=request_id)
        self._keepalive = float(node.network.keepalive_seconds)
        self._push_interval: float = settings.GHOSTWIRE.network.push_interval.total_seconds()
        self._heard = self.loop.time()
        self._ends_at = _end_of(session)
        self._next_push = 0.0
        self._waiting: deque[str] = deque()
        self._code: int | None = None
        self._wake = asyncio.Event()
        # The version that was sent last; None before the first map.
        self._sent: int | None = None
        self._ready: Push | None = None
        self._behind = False
        self._epoch = node.network.epoch
        self._writing = asyncio.Lock()

    # --- What the fan-out and the reader ask for

    def push(self, push: Push) -> None:
        """Takes what is to be told next. What does not follow on what was sent, or comes while something waits, only
        says that there is something to tell."""
        if self._sent is None or push.to <= self._sent:
            # Before the first map is out, that map may be older than this change.
            self._behind |= self._sent is None
            return
        if push.body is None or push.start < self._sent or self._ready is not None or self._behind:
            self._ready, self._behind = None, True
        else:
            self._ready = push
        self._wake.set()

    def say(self, text: str) -> None:
        """Puts an answer in line."""
        if len(self._waiting) >= MAX_WAITING:
            self.close(CLOSE_OVERLOADED)
            return
        self._waiting.append(text)
        self._wake.set()

    def close(self, code: int) -> None:
        """Ends the connection once what stands in line is sent."""
        if self._code is None:
            self._code = code
            self._wake.set()

    def forget(self) -> None:
        """Takes the connection out of the fan-out."""
        FANOUT.remove(self)

    async def greet(self, since: str | None) -> None:
        """Gives the agent its map, or what it lacks since ``EPOCH.VERSION``; from now on it gets every change.

        Raises ThrottledError if it asks for whole maps too often, NotFoundError if it has none any more.
        """
        FANOUT.add(self)
        telling = await in_thread(self._first, since)
        if telling.code is not None:
            self.close(telling.code)
            return
        await self._tell(telling)

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
                self._behind |= self._is_far_behind()
            case EndpointsMessage():
                await in_thread(self._set_endpoints, message.endpoints, now)

    # --- The writer

    async def run(self) -> None:
        """Sends what stands in line until the connection has to end; then closes it."""
        while True:
            if self._waiting:
                await self._write(text_frame(self._waiting.popleft(), zstd=self._zstd))
                continue
            if self._code is None and self._has_news() and self.loop.time() >= self._next_push:
                await self._push_now()
                continue
            if self._code is None:
                self._code = await self._due()
            if self._code is not None and not self._waiting:
                await self._send({"type": "websocket.close", "code": self._code})
                return
            await self._pause()

    async def _push_now(self) -> None:
        push, self._ready = self._ready, None
        if push is not None and not self._behind:
            assert push.body is not None
            assert self._sent is not None
            epoch = self._epoch
            start, self._sent = self._sent, push.to
            self._next_push = self.loop.time() + self._push_interval
            await self._write(delta_frame(push.body, epoch=epoch, start=start, to=push.to, zstd=self._zstd))
            return
        self._behind = False
        try:
            telling = await in_thread(catch_up, self.audience, self._sent)
        except NotFoundError:
            # The node takes no part any more: the fan-out ends this connection with the right code.
            return
        if (
            telling.pieces is not None
            or telling.members is not None
            or telling.version - (self._sent or 0) >= FAR_BEHIND
        ):
            await self._tell(telling)

    async def _tell(self, telling: Telling) -> None:
        start, self._sent, self._epoch = self._sent, telling.version, telling.epoch
        if start is None and telling.start is not None:
            start = telling.start
        self._next_push = self.loop.time() + self._push_interval
        if telling.pieces is not None:
            await self._write(await in_thread(netmap_frame, telling.pieces, zstd=self._zstd))
        else:
            assert start is not None
            body = Body(telling.members)
            await self._write(delta_frame(body, epoch=telling.epoch, start=start, to=telling.version, zstd=self._zstd))
        self._wake.set()

    async def _write(self, frame: Frame) -> None:
        kind = "text" if isinstance(frame, str) else "bytes"
        async with self._writing:
            await self._send({"type": "websocket.send", kind: frame})

    def _has_news(self) -> bool:
        return self._sent is not None and (self._behind or self._ready is not None)

    def _is_far_behind(self) -> bool:
        state = REPLICAS.of(self.audience.network_id).state
        return state is not None and self._sent is not None and state.version - self._sent >= FAR_BEHIND

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
        if self._has_news():
            waits.append(self._next_push - now)
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.01, min(waits)))
        except TimeoutError:
            return
        self._wake.clear()

    # --- In threads

    def _first(self, since: str | None) -> Telling:
        network_id, node_id = self.audience.network_id, self.audience.node_id
        telling = first_telling(self.audience, since)
        if telling.pieces is not None:
            enforce(FULL_MAPS, str(node_id), timezone.now().timestamp())
        note_alive(network_id, node_id, is_online=telling.is_online, now=timezone.now())
        return telling

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
