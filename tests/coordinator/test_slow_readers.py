"""A reader on a real TCP socket that never reads: what it costs, counted in the server's own buffer, and its end."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

from coordinator import agent_connection
from tests.coordinator.sockets import Portal, admission_of, eventually
from tests.coordinator.test_agent_connection import portal, push_interval

__all__ = ["portal", "push_interval"]

UPGRADE = (
    b"GET /ws/v1/agent HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
MEBIBYTE = 1024 * 1024


class App:
    """Serves one agent, as ``coordinator.agent_socket`` does once it knows whose the socket is."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.transport: Any = None
        self.is_over = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.transport = send.__self__.transport
        # Else the kernel alone would take megabytes, and nothing would wait in this process.
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        admission = admission_of(7, heartbeat_seconds=30)
        self.connection = agent_connection.AgentConnection(
            admission=admission, send=send, origin="127.0.0.1", request_id="r", on_end=self.is_over.set
        )
        await self.connection.greet(None)
        await self.is_over.wait()
        self.connection.forget()


async def serve(app: App) -> tuple[uvicorn.Server, asyncio.Task[None], int]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    await eventually(lambda: server.started)
    return server, task, int(server.servers[0].sockets[0].getsockname()[1])


async def test_a_reader_that_never_reads_is_bounded_and_then_cut(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_connection, "CLOSE_SECONDS", 0.01)
    app = App()
    server, task, port = await serve(app)
    try:
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(reader, ("127.0.0.1", port))
            await loop.sock_sendall(reader, UPGRADE)
            await eventually(lambda: app.connection is not None and app.connection._news.sent is not None)
            members = b'"change":"' + b"x" * 200_000 + b'"'
            most = 0
            for _ in range(300):  # 60 MB in all
                app.connection.push(portal.push(members))
                await asyncio.sleep(0.001)
                most = max(most, app.transport.get_write_buffer_size())
            assert 0 < most < MEBIBYTE
            # Two minutes later: it is told apart from one that drains, and cut without waiting for what is buffered.
            assert app.connection._outlet.writing_since is not None
            app.connection._outlet.writing_since -= 120
            app.connection._look()
            await eventually(app.is_over.is_set)
            received = 0
            with suppress(ConnectionResetError):
                while got := await loop.sock_recv(reader, 1 << 20):
                    received += len(got)
            assert received < 64 * 1024
            assert app.transport.get_write_buffer_size() == 0
    finally:
        server.should_exit = server.force_exit = True
        await task


async def test_once_it_reads_it_is_current_with_one_more_frame(portal: Portal) -> None:
    app = App()
    server, task, port = await serve(app)
    try:
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(reader, ("127.0.0.1", port))
            await loop.sock_sendall(reader, UPGRADE)
            await eventually(lambda: app.connection is not None and app.connection._news.sent is not None)
            members = b'"change":"' + b"x" * 200_000 + b'"'
            async with asyncio.timeout(30):
                while app.connection._outlet.writing_since is None:
                    app.connection.push(portal.push(members))
                    await asyncio.sleep(0.001)
            for _ in range(100):
                app.connection.push(portal.push(members))
            received = b""
            async with asyncio.timeout(30):
                while b'"to":%d,"missed":1' % portal.version not in received[-200:]:
                    received += await loop.sock_recv(reader, 1 << 20)
            assert received.count(b'"missed"') == 1
    finally:
        server.should_exit = server.force_exit = True
        await task
