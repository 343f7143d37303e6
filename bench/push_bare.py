"""What a push is compared with: a process that does nothing but write the same bytes to every socket.

``python -m bench.push_bare FILE`` serves WebSockets on a free port, which it prints, and sends the frame in ``FILE``
to all but the one that asked, whenever one says "go".
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
from pathlib import Path

import uvloop

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Bare(asyncio.Protocol):
    """One socket: the upgrade, and then nothing is read but that something came."""

    sockets: set[Bare] = set()
    frame = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.head: bytes | None = b""

    def data_received(self, data: bytes) -> None:
        if self.head is None:
            if b"go" not in data:
                return
            for socket in self.sockets:
                if socket is not self:
                    socket.transport.write(self.frame)
            return
        self.head += data
        if b"\r\n\r\n" not in self.head:
            return
        key = self.head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self.head = None
        self.sockets.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.sockets.discard(self)


async def serve(frame: bytes) -> None:
    """Serve until the process is ended."""
    Bare.frame = frame
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Bare, "127.0.0.1", 0, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]).read_bytes()))
