"""What heartbeats are compared with: the least that a plain ASGI application can do, on the same server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
BODY = {"type": "http.response.body", "body": b""}


async def baseline(scope: Scope, receive: Receive, send: Send) -> None:
    """HTTP: an empty answer. WebSockets: each message parsed and sent back."""
    match scope["type"]:
        case "http":
            await send(START)
            await send(BODY)
        case "websocket":
            await receive()
            await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
            while (message := await receive())["type"] == "websocket.receive":
                orjson.loads(message["text"])
                await send({"type": "websocket.send", "text": message["text"]})
