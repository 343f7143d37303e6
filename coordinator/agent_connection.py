"""One connected agent: what it says, what it is told, and when the connection has to end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog
from django.conf import settings
from django.utils import timezone

from coordinator.acknowledgements import ACKNOWLEDGED
from coordinator.admission import Admission, session_end
from coordinator.agent_messages import Ack, EndpointsMessage, Heartbeat, Message, ack_frame
from coordinator.authentication import admit_session
from coordinator.eager import Begun, begin
from coordinator.fanout import (
    CLOSE_NOT_ACTIVE,
    CLOSE_OVERLOADED,
    CLOSE_SESSION_ENDED,
    CLOSE_SILENT,
    FANOUT,
    Audience,
    Push,
)
from coordinator.frames import text_frame
from coordinator.heartbeats import update_endpoints
from coordinator.hot_path.beat import beat
from coordinator.hot_path.credentials import vouches
from coordinator.hot_path.reading import read_members
from coordinator.news import News
from coordinator.outlet import Outlet, Send, cut
from coordinator.presence import note_alive
from coordinator.serializers import parse_heartbeat
from coordinator.threads import in_thread
from mesh.change import Cause
from mesh.errors import AuthenticationError, NotFoundError, PermissionDeniedError

log = structlog.get_logger(__name__)

MISSED_HEARTBEATS: Final = 3
# Answers that wait for a reader that does not drain. An agent that asks on without reading is cut off.
MAX_WAITING: Final = 32
# A socket that had nothing to see for so many versions gets an empty delta with its next heartbeat, so that the
# version it would come back with never is too old.
FAR_BEHIND: Final = 32
# How long a close frame may take to leave. The reader that keeps it waiting is cut off without one.
CLOSE_SECONDS: Final = 1.0


class AgentConnection:
    """Implements ``coordinator.fanout.Connection``. Lives on one event loop.

    A reader that does not drain costs one frame, and is cut off after three heartbeats.
    """

    __slots__ = (
        "_cause", "_code", "_ends_at", "_heard", "_keepalive", "_known", "_look_timer", "_news", "_next_push",
        "_on_end", "_outlet", "_push_interval", "_push_timer", "_send", "_waiting", "_writer", "_zstd", "audience",
        "is_over", "loop",
    )  # fmt: skip

    def __init__(
        self,
        *,
        admission: Admission,
        send: Send,
        origin: str,
        request_id: str,
        on_end: Callable[[], object],
        zstd: bool = False,
    ) -> None:
        """``on_end`` is called once nothing more will be sent: whoever reads for the connection may stop."""
        known = admission.known
        self.audience = Audience(known.network_id, known.node_id, known.session_id)
        self.loop = asyncio.get_running_loop()
        self.is_over = False
        self._send = send
        self._outlet = Outlet(send)
        self._news = News(self.audience, epoch=admission.epoch, least=known.version, zstd=zstd)
        self._on_end = on_end
        self._zstd = zstd
        self._cause = Cause.node(known.node_id, origin=origin, request_id=request_id)
        self._keepalive = admission.heartbeat_seconds
        self._push_interval: float = settings.GHOSTWIRE.network.push_interval.total_seconds()
        self._heard = self.loop.time()
        self._ends_at = known.ends_at
        self._known = known
        self._next_push = 0.0
        self._waiting: deque[str] = deque()
        self._code: int | None = None
        self._writer: asyncio.Task[None] | None = None
        self._push_timer: asyncio.TimerHandle | None = None
        self._look_timer = self.loop.call_soon(self._look)

    # --- What the fan-out and the reader ask for

    def push(self, push: Push) -> None:
        """Takes what is to be told next."""
        news = self._news.pass_on(push) if self._is_free() else None
        if news is None:
            self._news.add(push)
            self._wake()
            return
        self._next_push = self.loop.time() + self._push_interval
        try:
            begun = begin(self._outlet.push(news.frame, news.at, changed_at=news.changed_at))
        except Exception as error:  # noqa: BLE001 - no fault of the other sockets
            self._failed(error)
            return
        if begun is not None:
            self._writer = self.loop.create_task(self._write(begun))

    def say(self, text: str) -> None:
        """Puts an answer in line."""
        if len(self._waiting) >= MAX_WAITING:
            self.close(CLOSE_OVERLOADED)
            return
        self._waiting.append(text)
        self._wake()

    def close(self, code: int) -> None:
        """Ends the connection once what stands in line is sent, or without a word if that takes too long."""
        if self._code is None:
            self._code = code
            self.loop.call_later(CLOSE_SECONDS, self._cut)
            self._wake()

    def forget(self) -> None:
        """Takes the connection out of the fan-out and ends what it was about to do."""
        FANOUT.remove(self)
        self.is_over = True
        self._look_timer.cancel()
        if self._push_timer is not None:
            self._push_timer.cancel()
        if self._writer is not None:
            self._writer.cancel()

    async def greet(self, since: str | None) -> None:
        """Gives the agent its map, or what it lacks since ``EPOCH.VERSION``; from now on it gets every change.

        Raises ThrottledError if it asks for whole maps too often, NotFoundError if it has none any more.
        """
        FANOUT.add(self)
        code = await self._news.begin(since)
        if code is not None:
            self.close(code)
        self._wake()

    async def take(self, message: Message) -> None:
        """Acts on a message. Raises what the message is refused with."""
        self._heard = self.loop.time()
        now = timezone.now()
        match message:
            case Ack():
                self._take_ack(message, now)
            case Heartbeat():
                self.say(ack_frame(await self._beat(message.body, now)))
                self._keep_current()
            case EndpointsMessage():
                await in_thread(self._set_endpoints, message.endpoints, now)

    def _take_ack(self, ack: Ack, now: datetime) -> None:
        note_alive(self.audience.network_id, self.audience.node_id, is_online=True, now=now)
        at = (ack.epoch, ack.version)
        if self._news.sent is None or at > self._news.sent:
            return  # nobody told it that version
        ACKNOWLEDGED.note(self.audience.node_id, ack.epoch, ack.version, now, self._outlet.acknowledge(at))
        self._wake()

    def _keep_current(self) -> None:
        """Has an empty delta sent where the agent saw nothing for long: called once a heartbeat."""
        self._news.add_nothing(FANOUT.settled(self.audience.network_id), least=FAR_BEHIND)
        self._wake()

    # --- The writer

    def _wake(self) -> None:
        """Starts the writer if there is something that it may write now, or at the next push's time."""
        if self._writer is not None or self.is_over:
            return
        if self._waiting or self._code is not None or self._may_push():
            self._writer = self.loop.create_task(self._write())
        elif self._news.is_waiting and self._push_timer is None and self._outlet.full_since is None:
            self._push_timer = self.loop.call_at(self._next_push, self._wake_for_push)

    def _wake_for_push(self) -> None:
        self._push_timer = None
        self._wake()

    def _may_push(self) -> bool:
        return self._news.is_waiting and self._has_room()

    def _is_free(self) -> bool:
        """Whether a frame may leave this instant, before everything else."""
        idle = self._writer is None and not self._waiting and self._code is None and not self.is_over
        return idle and self._has_room()

    def _has_room(self) -> bool:
        return self._outlet.full_since is None and self.loop.time() >= self._next_push

    async def _write(self, begun: Begun | None = None) -> None:
        """Sends what stands in line, after the frame under way; then, if the connection has to end, closes it."""
        try:
            if begun is not None:
                await begun
            while not self.is_over:
                if self._waiting:
                    await self._outlet.write(text_frame(self._waiting.popleft(), zstd=self._zstd))
                elif self._code is not None:
                    await self._outlet.close(self._code)
                    self._end()
                elif self._may_push():
                    await self._push_now()
                else:
                    break
        except Exception as error:  # noqa: BLE001 - whatever it is, this socket is of no more use
            self._failed(error)
        finally:
            self._writer = None
        self._wake()

    async def _push_now(self) -> None:
        try:
            news = await self._news.next_frame()
        except NotFoundError:
            return  # the node takes no part any more: the fan-out ends this connection with the right code
        except Exception:
            # The database, as a rule. What the agent lacks is worked out when it comes back.
            log.exception("socket.no_news", node_id=self.audience.node_id)
            self.close(CLOSE_OVERLOADED)
            return
        if news is not None:
            self._next_push = self.loop.time() + self._push_interval
            await self._outlet.push(news.frame, news.at, whole=news.whole, changed_at=news.changed_at)

    # --- The end

    def _look(self) -> None:
        """Ends the connection if its agent fell silent or does not read, or its session's time is over; else looks
        again when that can be."""
        now, patience = self.loop.time(), MISSED_HEARTBEATS * self._keepalive
        stuck = self._outlet.stuck_since()
        if stuck is not None and now - stuck > patience:
            self.close(CLOSE_OVERLOADED)
        elif now - self._heard > patience:
            self.close(CLOSE_SILENT)
        if self._code is not None or self.is_over:
            return
        left = (self._ends_at - timezone.now()).total_seconds()
        if left <= 0:
            self.loop.create_task(self._renew())
            left = patience
        quiet = min(self._heard, now if stuck is None else stuck) + patience - now
        self._look_timer = self.loop.call_later(max(0.01, min(quiet, left, self._keepalive)), self._look)

    async def _renew(self) -> None:
        """Asks whether the session whose time is over was renewed."""
        try:
            self._ends_at = await in_thread(session_end, self.audience.session_id, timezone.now())
        except PermissionDeniedError:
            self.close(CLOSE_NOT_ACTIVE)
        except AuthenticationError:
            self.close(CLOSE_SESSION_ENDED)
        except Exception:
            log.exception("socket.session_unknown", node_id=self.audience.node_id)
            self.close(CLOSE_OVERLOADED)

    def _cut(self) -> None:
        """Ends a connection whose close frame did not leave in time."""
        if not self.is_over:
            cut(self._send)
            self._end()

    def _failed(self, error: Exception) -> None:
        # OSError: the agent is gone. The reader hears it too, perhaps later.
        if not isinstance(error, OSError):
            log.error("socket.write_failed", node_id=self.audience.node_id, exc_info=error)
        self._end()

    def _end(self) -> None:
        if not self.is_over:
            self.is_over = True
            self._on_end()

    async def _beat(self, body: dict[str, Any], now: datetime) -> dict[str, Any]:
        known, report = self._known, read_members(body)
        answer = await beat(known, report, vouches(known, now), cause=lambda: self._cause, now=now)
        self._ends_at = known.ends_at
        return answer

    # --- In threads
    def _set_endpoints(self, endpoints: list[Any], now: datetime) -> None:
        report, session_id = parse_heartbeat({"endpoints": endpoints}), self.audience.session_id
        node = admit_session(session_id=session_id, now=now).node
        update_endpoints(node=node, endpoints=report.endpoints or (), cause=self._cause, now=now)
