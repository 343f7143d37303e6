"""What a server process does when it begins and ends, told by the server (uvicorn; daphne tells nothing).

The servers themselves close the sockets and let requests finish before they say that it is over. Daphne does so
within ``manage.py serve``, which then does the same as this.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from coordinator.tail import TAIL
from ghostwire_site.edge import Receive, Scope, Send

log = structlog.get_logger(__name__)


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the server's messages; at the end hand on what was noted, so that nothing acknowledged is lost."""
    while True:
        message: dict[str, Any] = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await hand_on()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def hand_on() -> None:
    """Write signs of life that are still in memory, and let go of the database."""
    await asyncio.to_thread(TAIL.stop)
    await asyncio.to_thread(_close_pool)
    log.info("server.stopped")


def _close_pool() -> None:
    from django.db import connection  # noqa: PLC0415 - settings may name another database by the time of the end

    connection.close()
    close_pool = getattr(connection, "close_pool", None)
    if close_pool is not None:
        close_pool()
