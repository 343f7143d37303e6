"""Daphne's protocols with bounds: on the size of a body, and on what waits for a slow reader."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from autobahn.websocket.types import ConnectionDeny
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from twisted.web import http
from zope.interface import implementer  # type: ignore[import-untyped]

from ghostwire_site.edge.bodies import FORM_BODY_LIMIT

PATIENCE: Final = 4 * FORM_BODY_LIMIT
"""How much of a body that is refused anyway is still read, so that the client gets to see why."""


class BoundedRequest(WebRequest):  # type: ignore[misc]
    """A request whose body is kept up to the largest limit: the rest is not written to disk, and then not read."""

    _received = 0

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Keep a piece of the body, drop it, or hang up."""
        self._received += len(data)
        if self._received <= FORM_BODY_LIMIT:
            super().handleContentChunk(data)
        elif self._received > PATIENCE and self.channel is not None:
            self.channel.forceAbortClient()


@implementer(IPushProducer)
class Drain:
    """Knows whether a transport takes more, so that a writer can wait until it does."""

    def __init__(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Stop: the transport's buffer is full."""
        self._flowing.clear()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Go on: the buffer has drained."""
        self._flowing.set()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Let go of whoever waits: the connection is gone."""
        self._flowing.set()

    async def wait(self) -> None:
        """Return once the transport takes more, or is gone."""
        await self._flowing.wait()


@dataclass(slots=True)
class Refusal:
    """What an application answers to an upgrade that it refuses."""

    status: HTTPStatus
    headers: list[tuple[str, str]]
    body: bytes = b""


class BoundedSocket(WebSocketProtocol):  # type: ignore[misc]
    """A WebSocket whose application waits in ``send`` while the reader does not drain.

    It may also refuse the upgrade with an answer of its own (ASGI's extension ``websocket.http.response``).
    """

    drain: Drain | None = None
    refusal: Refusal | None = None

    def onOpen(self) -> None:  # noqa: N802 - Autobahn's name
        """Ask the transport to tell when it is full; the HTTP channel that asked before has done its work."""
        super().onOpen()
        self.drain = Drain()
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.drain, True)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Take the application's message."""
        match message["type"]:
            case "websocket.http.response.start":
                headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
                self.refusal = Refusal(HTTPStatus(message["status"]), headers)
            case "websocket.http.response.body" if self.refusal is not None:
                self.refusal.body += message.get("body", b"")
                if not message.get("more_body", False):
                    self._refuse(self.refusal)
            case _:
                super().handle_reply(message)

    def sendHttpErrorResponse(  # noqa: N802 - Autobahn's name
        self,
        code: int,
        reason: str,
        responseHeaders: Any = None,  # noqa: N803
    ) -> None:
        """Answer the upgrade, in the application's words if it gave any."""
        if self.refusal is None:
            super().sendHttpErrorResponse(code, reason, responseHeaders)
            return
        length = ("Content-Length", str(len(self.refusal.body)))
        super().sendHttpErrorResponse(code, reason, [*self.refusal.headers, length, ("Connection", "close")])
        self.sendData(self.refusal.body)

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802 - Daphne's name
        """Close with the application's code; Autobahn's public call refuses codes such as 1012 and 1013."""
        self.sendCloseFrame(1000 if code is None else code)

    def _refuse(self, refusal: Refusal) -> None:
        if not hasattr(self, "handshake_deferred"):
            raise ValueError("The socket is open already: it can be closed, and no longer refused.")
        self.handshake_deferred.errback(ConnectionDeny(refusal.status.value, refusal.status.phrase))  # type: ignore[no-untyped-call]
        del self.handshake_deferred
        self.server.protocol_disconnected(self)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        """Let go of a waiting application."""
        if self.drain is not None:
            self.drain.stopProducing()
        super().connectionLost(reason)


class BoundedHTTPFactory(HTTPFactory):  # type: ignore[misc]
    """Makes ``BoundedRequest``."""

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        """Build the protocol of one connection."""
        protocol: Any = http.HTTPFactory.buildProtocol(self, addr)
        protocol.requestFactory = BoundedRequest
        return protocol


class BoundedSocketFactory(WebSocketFactory):  # type: ignore[misc]
    """Makes ``BoundedSocket``."""

    protocol = BoundedSocket
