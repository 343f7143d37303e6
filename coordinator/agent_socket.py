"""The agents' WebSocket, as a plain ASGI application: the map on hello, a delta whenever it changes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
import structlog
from django.utils import timezone

from coordinator.admission import Admission, admit
from coordinator.agent_connection import AgentConnection
from coordinator.agent_messages import Heartbeat, Hello, Message, ProtocolError, error_frame, parse_message
from coordinator.authentication import bearer_token
from coordinator.errors import CONTENT_TYPE, as_ghostwire_error, headers, problem
from coordinator.fanout import CLOSE_PROTOCOL_ERROR, CLOSE_SILENT, CLOSE_TOO_MANY
from coordinator.metrics import HEARTBEATS
from coordinator.tail import TAIL
from mesh.errors import GhostWireError, PermissionDeniedError, ThrottledError, ValidationError

log = structlog.get_logger(__name__)

SUBPROTOCOL: Final = "ghostwire.v1"
SUBPROTOCOL_ZSTD: Final = "ghostwire.v1+zstd"
HELLO_SECONDS: Final = 10.0

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def agent_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Serves one agent from upgrade to close."""
    await receive()  # websocket.connect
    try:
        admission = await _authenticate(scope)
    except Exception as error:  # noqa: BLE001 - every refusal becomes an HTTP answer, also those not foreseen
        await _refuse(scope, send, as_ghostwire_error(error))
        return
    offered = scope.get("subprotocols", ())
    subprotocol = next(item for item in offered if item in (SUBPROTOCOL, SUBPROTOCOL_ZSTD))
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    hello = await _hello(receive, send)
    if hello is None:
        return
    reader = asyncio.current_task()
    assert reader is not None
    connection = AgentConnection(
        admission=admission,
        send=send,
        origin=_client(scope),
        request_id=secrets.token_hex(8),
        on_end=reader.cancel,
        zstd=subprotocol == SUBPROTOCOL_ZSTD,
    )
    TAIL.start()
    try:
        await _read(receive, connection, hello.since)
    except asyncio.CancelledError:
        if not connection.is_over:
            raise  # the server is ending
        reader.uncancel()
    finally:
        connection.forget()


async def _authenticate(scope: Scope) -> Admission:
    fields = {name: value.decode("latin-1") for name, value in scope["headers"]}
    if b"origin" in fields:
        # A browser: its user's cookies and network position are nothing that an agent has.
        raise PermissionDeniedError("Agents send no Origin.")
    if not {SUBPROTOCOL, SUBPROTOCOL_ZSTD}.intersection(scope.get("subprotocols", ())):
        raise ValidationError(f"Offer the subprotocol {SUBPROTOCOL} or {SUBPROTOCOL_ZSTD}.")
    token = bearer_token(fields.get(b"authorization"))
    return await admit(token, timezone.now())


async def _refuse(scope: Scope, send: Send, error: GhostWireError) -> None:
    """Answers the upgrade with the error's own status where the server can, else the server says 403."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    fields = {"Content-Type": CONTENT_TYPE} | headers(error)
    encoded = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": encoded})
    await send({"type": "websocket.http.response.body", "body": orjson.dumps(problem(error))})


async def _hello(receive: Receive, send: Send) -> Hello | None:
    """The first message; None when there was none in time, or another, and the socket is closed."""
    try:
        event = await asyncio.wait_for(receive(), HELLO_SECONDS)
    except TimeoutError:
        await send({"type": "websocket.close", "code": CLOSE_SILENT})
        return None
    if event["type"] != "websocket.receive":
        return None
    try:
        message = parse_message(event.get("text"), event.get("bytes"))
    except (ProtocolError, ValidationError):
        message = None
    if not isinstance(message, Hello):
        await send({"type": "websocket.close", "code": CLOSE_PROTOCOL_ERROR})
        return None
    return message


async def _read(receive: Receive, connection: AgentConnection, since: str | None) -> None:
    """Takes messages until the agent goes away or says what no agent says."""
    try:
        await connection.greet(since)
    except ThrottledError as error:
        connection.say(error_frame(error))
        connection.close(CLOSE_TOO_MANY)
    except GhostWireError as error:
        connection.say(error_frame(error))
    while True:
        event = await receive()
        if event["type"] != "websocket.receive":
            return
        message: Message | None = None
        try:
            message = parse_message(event.get("text"), event.get("bytes"))
            if isinstance(message, Hello):
                raise ProtocolError("There is one hello.")
            await connection.take(message)
        except ProtocolError:
            connection.close(CLOSE_PROTOCOL_ERROR)
            await asyncio.Event().wait()  # until the socket is closed and this task cancelled
        except Exception as error:  # noqa: BLE001 - one refused message does not end the connection
            refusal = as_ghostwire_error(error)
            if isinstance(message, Heartbeat):
                HEARTBEATS.refuse("socket", refusal.code)
            connection.say(error_frame(refusal))


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
