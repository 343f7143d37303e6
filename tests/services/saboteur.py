"""The portal's application with a way to end its process at a given point, as a power cut would.

The file that ``GHOSTWIRE_SABOTAGE`` names says where; without it nothing differs.

``answer PATH``
    when a request to this path is about to be answered: what it did is committed, and nobody is told.
``push N``
    when N deltas have been written to sockets.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from ghostwire_site.asgi import application as portal
from ghostwire_site.edge import Receive, Scope, Send

ORDER = Path(os.environ["GHOSTWIRE_SABOTAGE"])
_pushed = 0


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve, and end where the order says."""
    kind = scope["type"]

    async def watched(message: dict[str, Any]) -> None:
        if kind == "http" and message["type"] == "http.response.start" and _order() == ["answer", scope["path"]]:
            _end()
        await send(message)
        if kind == "websocket" and message["type"] == "websocket.send" and '"delta"' in (message.get("text") or ""):
            _count()

    await portal(scope, receive, watched)


def _count() -> None:
    global _pushed  # noqa: PLW0603 - one process, one count
    match _order():
        case ["push", number]:
            _pushed += 1
            if _pushed >= int(number):
                _end()


def _order() -> list[str]:
    try:
        return ORDER.read_text().split()
    except FileNotFoundError:
        return []


def _end() -> None:
    ORDER.unlink()
    os.kill(os.getpid(), signal.SIGKILL)
