"""Where every WebSocket leads."""

from __future__ import annotations

from typing import Final

from coordinator.agent_socket import agent_socket
from ghostwire_site.edge import App, Receive, Scope, Send
from portal.sockets import PORTAL_SOCKETS

ROUTES: Final[dict[str, App]] = {"/ws/v1/agent": agent_socket, **PORTAL_SOCKETS}


async def sockets(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand the socket to the application at its path; anything else is refused."""
    application = ROUTES.get(scope["path"], refuse)
    await application(scope, receive, send)


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse the upgrade: 404 where the server can say so, else its 403."""
    await receive()  # websocket.connect
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})
