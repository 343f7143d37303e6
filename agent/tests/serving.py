"""Serves the portal in miniature to agents on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from agent.tests.deltas import Meddler
from agent.tests.portal import FakePortal


@asynccontextmanager
async def serving(portal: FakePortal, through: Meddler | None = None) -> AsyncIterator[FakePortal]:
    """Serve the portal on a free port of the loopback address, in this loop; ``through`` stands in front of it."""
    app = through or portal
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it rings no bell
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    portal.origin = f"http://127.0.0.1:{port}"
    try:
        yield portal
    finally:
        server.should_exit = True
        server.force_exit = True
        await task
