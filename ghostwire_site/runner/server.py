"""Daphne's server with what a long-lived portal needs: clear start, back-pressure, and an end that loses nothing."""

from __future__ import annotations

from daphne.server import Server  # isort: skip - it must come first: it chooses Twisted's reactor

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from daphne.http_protocol import WebRequest
from twisted.internet import defer
from twisted.internet import reactor as twisted_reactor
from twisted.internet.error import CannotListenError
from twisted.logger import STDLibLogObserver, globalLogBeginner

from ghostwire_site.config.values import ListenAddress
from ghostwire_site.runner.protocols import BoundedHTTPFactory, BoundedSocket, BoundedSocketFactory

log = structlog.get_logger(__name__)
reactor: Any = twisted_reactor  # the module's type describes any reactor; this is the asyncio one

SOCKET_MESSAGE_LIMIT: Final = 128 * 1024
"""Hard bound; the agent protocol's own, smaller one is checked where it can be answered in the protocol's words."""
CLOSE_RESTARTING: Final = 1012
SOCKETS_GRACE_SECONDS: Final = 3.0
REQUESTS_GRACE_SECONDS: Final = 10.0
PATIENCE_SECONDS: Final = 1.0
"""A second signal that comes later than this ends the process at once."""


class PortInUseError(Exception):
    """The address cannot be listened on."""


class PortalServer(Server):  # type: ignore[misc]
    """Serves one ASGI application on one address until it is told to stop."""

    def __init__(self, application: Any, address: ListenAddress) -> None:
        super().__init__(
            application=application,
            endpoints=[str(address)],
            http_timeout=120,
            websocket_timeout=-1,  # agents stay for months; whether they still live is the pings' business
            websocket_max_message_size=SOCKET_MESSAGE_LIMIT,
            websocket_max_frame_size=SOCKET_MESSAGE_LIMIT,
            server_name="",
        )
        self.address = address
        self.connections: dict[Any, dict[str, Any]] = {}
        self.ending = False
        self.failed = False
        """Whether the server ended because something that it needs did."""
        self._port: Any = None
        self._told_at: float | None = None

    def listen(self) -> None:
        """Take the address.

        Raises:
            PortInUseError: another program has it, or this machine or user may not use it.
        """
        self.http_factory = BoundedHTTPFactory(self)
        self.ws_factory = BoundedSocketFactory(self, server="")
        self.ws_factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,  # whether an Origin is allowed is for the application to say
            openHandshakeTimeout=self.websocket_handshake_timeout,
            maxMessagePayloadSize=self.websocket_max_message_size,
            maxFramePayloadSize=self.websocket_max_frame_size,
        )
        try:
            self._port = reactor.listenTCP(
                self.address.port, self.http_factory, backlog=1024, interface=str(self.address.host)
            )
        except CannotListenError as error:
            reason = getattr(error.socketError, "strerror", None) or str(error.socketError)
            raise PortInUseError(f"cannot listen on {self.address}: {reason}") from error

    def run(self, *, on_start: Callable[[], Awaitable[None]], on_stop: Callable[[], Awaitable[None]]) -> None:
        """Serve until SIGINT, SIGTERM or ``stop``. ``listen`` comes first.

        ``on_start`` runs once the loop does, ``on_stop`` after the last socket and request have ended.
        """
        observer: Any = STDLibLogObserver("twisted")
        globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
        asyncio.set_event_loop(reactor._asyncioEventloop)
        reactor.callWhenRunning(lambda: _deferred(self._begin(on_start)))
        reactor.addSystemEventTrigger("before", "shutdown", lambda: _deferred(self._end(on_stop)))
        loop = reactor._asyncioEventloop
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._told_to_stop)
        reactor.run(installSignalHandlers=False)  # Twisted's own would end the process by the signal, not by an exit

    def _told_to_stop(self) -> None:
        """End; told again by an impatient person, end at once. A signal to a whole process group may come twice."""
        now = time.monotonic()
        if self._told_at is None:
            self._told_at = now
            self.stop()
        elif now - self._told_at > PATIENCE_SECONDS:
            log.critical("server.killed", reason="told to stop a second time")
            os._exit(1)

    def fail(self) -> None:
        """End because something that the server needs ended; from any thread."""
        self.failed = True
        reactor.callFromThread(self.stop)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Write a message; on a WebSocket, return only once its reader has room for the next."""
        await super().handle_reply(protocol, message)
        if isinstance(protocol, BoundedSocket) and protocol.drain is not None:
            await protocol.drain.wait()

    async def _begin(self, on_start: Callable[[], Awaitable[None]]) -> None:
        reactor.callLater(1, self.application_checker)
        reactor.callLater(2, self.timeout_checker)
        try:
            await on_start()
        except Exception:
            log.critical("server.start_failed", exc_info=True)
            self.fail()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Hand a request to the application; while ending, connections that are kept alive are turned away."""
        if scope["type"] == "websocket":
            scope["extensions"] = {"websocket.http.response": {}}
        if not self.ending:
            return super().create_application(protocol, scope)
        if isinstance(protocol, WebRequest):
            protocol.basic_error(503, b"Service Unavailable", "Restarting.")
        return None

    async def _end(self, on_stop: Callable[[], Awaitable[None]]) -> None:
        """Take no more, tell the sockets, let requests finish, and only then end what is left."""
        self.ending = True
        log.info("server.stopping", connections=len(self.connections))
        try:
            await self._end_connections()
        except Exception:
            log.critical("server.stop_failed", exc_info=True)
            self.failed = True
        await on_stop()
        log.info("server.stopped")

    async def _end_connections(self) -> None:
        await _awaitable(self._port.stopListening())
        for protocol in list(self.connections):
            if isinstance(protocol, BoundedSocket) and protocol.state == protocol.STATE_OPEN:
                protocol.sendCloseFrame(CLOSE_RESTARTING, b"restarting")
        await _wait(self._running(BoundedSocket), SOCKETS_GRACE_SECONDS)
        await _wait(self._running(WebRequest), REQUESTS_GRACE_SECONDS)
        left = self._running(object)
        for application in left:
            application.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if left:
            log.warning("server.cut_off", applications=len(left))

    def _running(self, kind: type) -> list[asyncio.Future[Any]]:
        """List the applications that still serve a connection of this kind."""
        tasks = (
            details.get("application_instance")
            for protocol, details in self.connections.items()
            if isinstance(protocol, kind)
        )
        return [task for task in tasks if task is not None and not task.done()]

    def kill_all_applications(self) -> None:
        """Daphne's own ending, which ``_end`` replaces."""


def _deferred(work: Awaitable[None]) -> defer.Deferred[None]:
    return defer.Deferred.fromFuture(asyncio.ensure_future(work))


async def _wait(tasks: list[asyncio.Future[Any]], seconds: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)


async def _awaitable(result: Any) -> None:
    if isinstance(result, defer.Deferred):
        await result.asFuture(asyncio.get_running_loop())
