"""The agents: a process of its own with raw sockets, so light that it is not what is measured.

``python -m bench.push_load PORTS TOKENS COUNT PROTOCOL`` takes one word a line and answers with one JSON object a line:
``open`` connects all agents and says hello with what each has; ``arm`` begins a round and answers at once; ``round``
answers when each got a frame since; ``drop`` ends all connections without a word; ``frame`` gives the last frame.
Times are in seconds since 1970. Agents acknowledge what they get at once, but where ``PROTOCOL`` is ``bare``: then
``upgrade`` only connects. ``PORTS`` is one, or several that take turns.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import uvloop
import zstandard

HEAD_END = b"\r\n\r\n"
KEY = base64.b64encode(b"0123456789abcdef").decode()
MOVED = re.compile(rb'"epoch":(\d+),(?:"from":\d+,"to"|"version"):(\d+)')
OPEN_SECONDS = 120.0
PING, CLOSE = 0x89, 0x88


def masked(text: bytes) -> bytes:
    """A text frame of a client whose mask is zero."""
    return bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text


class Fleet:
    """All agents, and what they got in this round."""

    def __init__(self, ports: list[int], tokens: list[str], subprotocol: str) -> None:
        self.subprotocol = subprotocol
        self.acknowledges = subprotocol != "bare"
        self.agents = [Agent(self, ports[n % len(ports)], token) for n, token in enumerate(tokens)]
        self.frame = b""
        self.begin()

    def begin(self) -> None:
        """A new round: nobody got anything yet."""
        self.kinds = {"netmap": 0, "delta": 0, "other": 0}
        self.missing = len(self.agents)
        self.first = self.last = 0.0
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for agent in self.agents:
            agent.has = False

    def got(self, agent: Agent) -> None:
        """An agent got its first frame of the round."""
        agent.has = True
        self.last = time.time()
        self.first = self.first or self.last
        self.missing -= 1
        if not self.missing and not self.complete.done():
            self.complete.set_result(None)

    def fail(self, reason: str) -> None:
        """The round cannot become complete any more."""
        if not self.complete.done():
            self.complete.set_exception(ConnectionError(reason))

    async def report(self) -> dict[str, Any]:
        """The round, once it is complete."""
        try:
            await asyncio.wait_for(self.complete, OPEN_SECONDS)
        except TimeoutError as error:
            raise TimeoutError(f"{self.missing} agents got nothing in {OPEN_SECONDS:g} s: {self.kinds}") from error
        return {"first": self.first, "last": self.last, "kinds": self.kinds}


class Agent(asyncio.Protocol):
    """One agent: upgrade, hello, and an acknowledgement for each map and delta."""

    def __init__(self, fleet: Fleet, port: int, token: str) -> None:
        self.fleet, self.port, self.token = fleet, port, token
        self.transport: asyncio.Transport | None = None
        self.since: bytes | None = None
        self.has = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.buffer, self.is_open = b"", False
        self.transport.write(  # type: ignore[union-attr]
            f"GET /ws/v1/agent HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {self.fleet.subprotocol}\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.is_open:
            head = self.buffer.find(HEAD_END)
            if head < 0:
                return
            if not self.buffer.startswith(b"HTTP/1.1 101"):
                self.fleet.fail(f"an upgrade was refused: {self.buffer[:200]!r}")
                return
            self.buffer, self.is_open = self.buffer[head + 4 :], True
            since = b"null" if self.since is None else b'"' + self.since + b'"'
            self._write(b'{"type":"hello","since":' + since + b"}")
        while len(self.buffer) >= 2:
            length, start = self.buffer[1], 2
            if length == 126:
                length, start = int.from_bytes(self.buffer[2:4], "big"), 4
            elif length == 127:
                length, start = int.from_bytes(self.buffer[2:10], "big"), 10
            if len(self.buffer) < start + length:
                return
            whole, self.buffer = self.buffer[: start + length], self.buffer[start + length :]
            self._take(whole, whole[start:])

    def _take(self, whole: bytes, frame: bytes) -> None:
        if whole[0] == PING:
            assert self.transport is not None
            self.transport.write(bytes((0x8A, 0x80 | len(frame), 0, 0, 0, 0)) + frame)
            return
        if whole[0] == CLOSE:
            self.fleet.fail(f"a socket was closed: {frame!r}")
            return
        if frame[:4] == b"\x28\xb5\x2f\xfd":
            with zstandard.ZstdDecompressor().stream_reader(frame, read_across_frames=True) as reader:
                frame = reader.read(200)
        kind = "netmap" if frame.startswith(b'{"type":"netmap"') else "delta"
        if kind == "delta" and not frame.startswith(b'{"type":"delta"'):
            self.fleet.kinds["other"] += 1
            return
        self.fleet.frame = whole
        if not self.has:
            self.fleet.got(self)
        moved = MOVED.search(frame)
        if moved is not None:
            self.fleet.kinds[kind] += 1
            epoch, version = moved.groups()
            self.since = epoch + b"." + version
            if self.fleet.acknowledges:
                self._write(b'{"type":"ack","epoch":' + epoch + b',"version":' + version + b"}")

    def _write(self, text: bytes) -> None:
        assert self.transport is not None
        self.transport.write(masked(text))


async def converse(fleet: Fleet) -> None:
    """Take words from the input until it ends."""
    loop = asyncio.get_running_loop()
    while word := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        answer: dict[str, Any] = {}
        match word:
            case "open":
                fleet.begin()
                began = time.time()
                for first in range(0, len(fleet.agents), 500):
                    await asyncio.gather(
                        *(
                            loop.create_connection(lambda agent=agent: agent, "127.0.0.1", agent.port)  # type: ignore[misc]
                            for agent in fleet.agents[first : first + 500]
                        )
                    )
                answer = await fleet.report() | {"began": began}
            case "upgrade":
                for agent in fleet.agents:
                    await loop.create_connection(lambda agent=agent: agent, "127.0.0.1", agent.port)  # type: ignore[misc]
                while not all(agent.is_open for agent in fleet.agents):  # noqa: ASYNC110 - once, before measuring
                    await asyncio.sleep(0.05)
            case "arm":
                fleet.begin()
            case "round":
                answer = await fleet.report()
            case "drop":
                for agent in fleet.agents:
                    if agent.transport is not None:
                        agent.transport.abort()
            case "frame":
                answer = {"frame": base64.b64encode(fleet.frame).decode()}
        print(json.dumps(answer), flush=True)


async def main(ports: str, tokens: list[str], subprotocol: str) -> None:
    """Make the fleet and take orders."""
    await converse(Fleet([int(port) for port in ports.split(",")], tokens, subprotocol))


if __name__ == "__main__":
    # The first token is the hub's.
    chosen = Path(sys.argv[2]).read_text().split()[1 : int(sys.argv[3]) + 1]
    uvloop.run(main(sys.argv[1], chosen, sys.argv[4]))
