"""One life of the agent socket (agent protocol, "WebSocket"): hello, maps, deltas and acks, heartbeats, the end."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from agent import __version__
from agent.answers import read_ack
from agent.engine.frames import MAX_MESSAGE, decode, encode, offered
from agent.engine.talk import Listener
from agent.engine.verdict import Step, Verdict, after_call, after_close, after_upgrade
from agent.errors import PortalUnreachableError
from agent.origin import socket_url
from mesh.errors import GhostWireError
from mesh.netmap.apply import DeltaError, apply_delta

_OPEN_SECONDS: Final = 15.0
_PING_SECONDS: Final = 20.0
_MISSED_HEARTBEATS: Final = 3.0
_ENDPOINTS_SECONDS: Final = 10.0  # the portal takes six changes a minute
_log = logging.getLogger(__name__)


class SocketTalk:
    """Runs one socket to its end."""

    def __init__(self, origin: str, tls: ssl.SSLContext, listener: Listener) -> None:
        self.opened = False
        self._origin = origin
        self._tls = tls
        self._listener = listener
        self._interval = listener.heartbeat_seconds()
        self._pending: float | None = None  # when the oldest heartbeat without an answer was sent
        self._asked_at: float | None = None  # when hello was sent, until its map came
        self._told: Any = None  # the map as the portal told it on this socket, deltas applied
        self._map_came = asyncio.Event()
        self._map_done = asyncio.Event()

    async def run(self) -> Verdict:
        """Open the socket and serve it until it ends; what to do then."""
        url = socket_url(self._origin)
        try:
            connection = await connect(
                url,
                ssl=self._tls if url.startswith("wss:") else None,
                subprotocols=offered(),
                additional_headers={"Authorization": f"Bearer {self._listener.token()}"},
                user_agent_header=f"ghostwire-agent/{__version__}",
                compression=None,
                max_size=MAX_MESSAGE,
                open_timeout=_OPEN_SECONDS,
                ping_interval=_PING_SECONDS,
                ping_timeout=_PING_SECONDS,
                close_timeout=2.0,
            )
        except InvalidStatus as error:
            retry = error.response.headers.get("Retry-After", "")
            return after_upgrade(error.response.status_code, float(retry) if retry.isdigit() else None)
        except (InvalidHandshake, InvalidURI, OSError, TimeoutError) as error:
            return Verdict(Step.ASK, f"the socket did not open: {str(error) or type(error).__name__}")
        async with connection:
            if connection.subprotocol not in offered():
                return Verdict(Step.ASK, "the socket does not speak ghostwire.v1")
            self.opened = True
            return await self._serve(connection)

    async def _serve(self, connection: ClientConnection) -> Verdict:
        tasks = [
            asyncio.create_task(act(connection)) for act in (self._read, self._apply, self._beat, self._tell_endpoints)
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        errors = [outcome for task, outcome in zip(tasks, ended, strict=True) if task in done]
        return _verdict(errors, connection)

    async def _read(self, connection: ClientConnection) -> None:
        self._asked_at = self._listener.boot()
        self._told = self._listener.standing_map()
        since = None if self._told is None else f"{self._told['epoch']}.{self._told['version']}"
        await connection.send(encode({"type": "hello", "since": since}))
        async for frame in connection:
            await self._take(decode(frame, connection.subprotocol))

    async def _take(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "netmap":
                # Only the newest waits: a map is whole, those before it are of no interest.
                self._told = message.get("netmap")
                self._map_came.set()
            case "delta":
                self._told = self._after(message)
                self._map_came.set()
            case "heartbeat_ack":
                ack = read_ack(message)
                sent_at, self._pending = self._pending, None
                self._interval = ack.next_heartbeat_seconds
                if sent_at is not None:
                    await self._listener.take_ack(ack, sent_at=sent_at)
            case "error":
                self._take_refusal(message)
            case other:
                _log.debug("passed over a message of type %r", other)

    def _take_refusal(self, message: dict[str, Any]) -> None:
        """A message was refused. Errors do not say which; what is told once more does no harm."""
        code, detail = message.get("code"), message.get("detail")
        _log.warning("the portal refused a message: %s (%s)", detail, code)
        if code != "validation":
            wait = message.get("retry_after")
            self._listener.reports.put_off(wait if isinstance(wait, int | float) else None)
        else:
            self._listener.reports.refused(_fields_at_fault(message), str(detail))

    def _after(self, delta: dict[str, Any]) -> Any:
        """The map after a delta. One that does not fit ends the socket: the next begins with a whole map."""
        try:
            if delta["to"] < delta["from"]:
                raise DeltaError(f"it leads back from version {delta['from']} to {delta['to']}")
            return apply_delta(self._told, delta)
        except (DeltaError, KeyError, TypeError, ValueError, AttributeError) as error:
            self._listener.doubt_map()
            raise PortalUnreachableError(f"the portal sent a delta that does not fit: {error}") from error

    async def _apply(self, connection: ClientConnection) -> None:
        while True:
            await self._map_came.wait()
            self._map_came.clear()
            asked_at, self._asked_at = self._asked_at, None
            at = await self._listener.take_map(self._told, asked_at=asked_at)
            self._map_done.set()
            if at is not None:
                await connection.send(encode({"type": "ack", "epoch": at[0], "version": at[1]}))

    async def _beat(self, connection: ClientConnection) -> None:
        await self._map_done.wait()  # the first one right after the first map: its ack says how long the session lasts
        while True:
            now = self._listener.boot()
            if self._pending is not None and now - self._pending > self._interval * _MISSED_HEARTBEATS:
                raise PortalUnreachableError("the portal does not answer heartbeats")
            facts: dict[str, Any] = {}
            if self._pending is None:
                self._pending = now
                facts = await self._listener.news()  # so that the next ack is the answer to it
            await connection.send(encode({"type": "heartbeat", **facts}))
            await self._listener.rest(self._interval)

    async def _tell_endpoints(self, connection: ClientConnection) -> None:
        await self._map_done.wait()
        while True:
            endpoints = self._listener.untold_endpoints()
            if endpoints is not None:
                await connection.send(encode({"type": "endpoints", "endpoints": endpoints}))
                self._listener.endpoints_told(endpoints)
            await self._listener.pause(_ENDPOINTS_SECONDS)


def _fields_at_fault(message: dict[str, Any]) -> list[str]:
    errors = message.get("errors")
    return [str(item.get("field")) for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []


def _verdict(errors: list[Any], connection: ClientConnection) -> Verdict:
    """The one reason among those that came at the same instant: the portal's own word first."""
    if any(error is None or isinstance(error, ConnectionClosed) for error in errors) and connection.close_code:
        return after_close(None if connection.close_code == 1006 else connection.close_code)
    for error in errors:
        if isinstance(error, GhostWireError):
            return after_call(error)
        if isinstance(error, BaseException) and not isinstance(error, ConnectionClosed):
            raise error
    return after_close(None)
