"""The load: a process of its own with raw sockets, so light that it is not what is measured.

``python -m bench.heartbeat_load rest PORT TOKENS CONNECTIONS SECONDS`` sends heartbeats one after the other on each
connection, each of another node. ``... sockets PORT TOKENS CONNECTIONS SECONDS`` opens one agent socket a node and
sends on each once a second. ``SECONDS`` 0: each node once. Prints one JSON object a line.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

HEAD_END = b"\r\n\r\n"


class Rest(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None], until: float) -> None:
        self.requests, self.done, self.until = requests, done, until
        self.good = self.bad = 0
        self.waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._next()

    def data_received(self, data: bytes) -> None:
        data = self.waiting + data
        head = data.find(HEAD_END)
        at = data.find(b"content-length: ")
        if head < 0 or len(data) < head + 4 + int(data[at + 16 : data.index(b"\r", at)]):
            self.waiting = data
            return
        self.waiting = b""
        if data.startswith(b"HTTP/1.1 200"):
            self.good += 1
        else:
            self.bad += 1
        self._next()

    def _next(self) -> None:
        request = next(self.requests, None)
        if request is None or time.monotonic() > self.until:
            self.transport.close()
        else:
            self.transport.write(request)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Socket(asyncio.Protocol):
    """One agent: upgrade, hello, then a heartbeat whenever it is told to; counts what comes back."""

    HELLO = b'{"type":"hello","since":null}'
    BEAT = b'{"type":"heartbeat"}'

    def __init__(self, token: str) -> None:
        self.token = token
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.answers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        key = base64.b64encode(b"0123456789abcdef").decode()
        self.transport.write(
            f"GET /ws/v1/agent HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ghostwire.v1\r\n"
            f"Authorization: Bearer {self.token}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.open.done():
            head = self.buffer.find(HEAD_END)
            if head < 0:
                return
            if not self.buffer.startswith(b"HTTP/1.1 101"):
                self.open.set_exception(ConnectionError(self.buffer[:200]))
                return
            self.buffer = self.buffer[head + 4 :]
            self.open.set_result(None)
            self.transport.write(masked(self.HELLO))
        self._frames()

    def _frames(self) -> None:
        while len(self.buffer) >= 2:
            length, start = self.buffer[1], 2
            if length == 126:
                length, start = int.from_bytes(self.buffer[2:4], "big"), 4
            elif length == 127:
                length, start = int.from_bytes(self.buffer[2:10], "big"), 10
            if len(self.buffer) < start + length:
                return
            frame, self.buffer = self.buffer[start : start + length], self.buffer[start + length :]
            self.answers += b'"heartbeat' in frame[:32]

    def connection_lost(self, error: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(ConnectionError("closed"))

    def beat(self) -> None:
        self.transport.write(self.FRAME)

    FRAME = b""


def masked(text: bytes) -> bytes:
    """A text frame of a client whose mask is zero."""
    return bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text


Socket.FRAME = masked(Socket.BEAT)


async def rest(port: int, tokens: list[str], connections: int, seconds: float) -> None:
    """Heartbeats as fast as they are answered."""
    loop = asyncio.get_running_loop()
    requests = [
        f"POST /api/v1/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: 2\r\nAuthorization: Bearer {token}\r\n\r\n{{}}".encode()
        for token in tokens
    ]
    endless = itertools.cycle(requests) if seconds else iter(requests)
    until = time.monotonic() + (seconds or 3600)
    began, made, ends = time.monotonic(), [], []
    for _ in range(connections):
        done = loop.create_future()
        protocol = Rest(endless, done, until)
        await loop.create_connection(lambda protocol=protocol: protocol, "127.0.0.1", port)  # type: ignore[misc]
        made.append(protocol)
        ends.append(done)
    await asyncio.gather(*ends)
    took = time.monotonic() - began
    print(json.dumps({"good": sum(p.good for p in made), "bad": sum(p.bad for p in made), "seconds": took}), flush=True)


async def sockets(port: int, tokens: list[str], connections: int, seconds: float) -> None:
    """One heartbeat a second on each socket, spread over the second. Says when all are open, and goes on at a line."""
    loop = asyncio.get_running_loop()
    agents: list[Socket] = []
    for token in tokens[:connections]:
        _, agent = await loop.create_connection(lambda token=token: Socket(token), "127.0.0.1", port)  # type: ignore[misc]
        await agent.open
        agents.append(agent)
    await asyncio.sleep(2)
    print(json.dumps({"open": len(agents)}), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    before = sum(agent.answers for agent in agents)
    began = time.monotonic()
    sent = 0
    while (elapsed := time.monotonic() - began) < seconds:
        due = int(elapsed * len(agents))
        for number in range(sent, due):
            agents[number % len(agents)].beat()
        sent = due
        await asyncio.sleep(0.005)
    await asyncio.sleep(1)
    answered = sum(agent.answers for agent in agents) - before
    print(json.dumps({"good": answered, "bad": sent - answered, "seconds": seconds}), flush=True)
    for agent in agents:
        agent.transport.abort()


def main() -> None:
    """Run one load."""
    what, port, tokens, connections, seconds = sys.argv[1:]
    work = rest if what == "rest" else sockets
    uvloop.run(work(int(port), Path(tokens).read_text().split(), int(connections), float(seconds)))


if __name__ == "__main__":
    main()
