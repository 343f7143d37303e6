"""A process that serves a small ASGI application with the product's server; the tests beside it talk to it.

Usage: python -m tests.ghostwire_site.runner.probe_server PORT. It writes lines that tests wait for.
"""

from __future__ import annotations

from ghostwire_site.runner.server import PortalServer  # isort: skip - it must come first: it chooses Twisted's reactor

import asyncio
import hashlib
import sys
from ipaddress import ip_address
from typing import Any

from ghostwire_site.config.values import ListenAddress
from ghostwire_site.edge import Receive, Scope, Send

CHUNK = b"x" * 65536


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await {"http": answer, "websocket": talk}[scope["type"]](scope, receive, send)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/slow":
        say("slow request began")
        await asyncio.sleep(1.5)
    if scope["path"] == "/endless":
        say("endless request began")
        await asyncio.sleep(60)
    digest, size = hashlib.sha256(), 0
    while True:
        message = await receive()
        digest.update(message.get("body", b""))
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = f"{size} {digest.hexdigest()}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def talk(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    if scope["path"] == "/refused":
        headers = [(b"retry-after", b"7"), (b"content-type", b"text/plain")]
        await send({"type": "websocket.http.response.start", "status": 503, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"not now"})
        return
    await send({"type": "websocket.accept", "subprotocol": None})
    if scope["path"] == "/flood":
        await flood(send)
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            say(f"socket closed {message['code']}")
            return
        if message["text"].startswith("close "):
            await send({"type": "websocket.close", "code": int(message["text"].split()[1])})
            continue
        await send({"type": "websocket.send", "text": message["text"]})


async def flood(send: Send) -> None:
    """Send without end; say now and then how much has been taken."""
    for number in range(100_000):
        await send({"type": "websocket.send", "bytes": CHUNK})
        if number % 16 == 0:
            say(f"taken {number * len(CHUNK)}")


async def on_start() -> None:
    say("started")


async def on_stop() -> None:
    say("stopped")


def main() -> None:
    address = ListenAddress(ip_address("127.0.0.1"), int(sys.argv[1]))
    server: Any = PortalServer(application, address)
    server.listen()
    server.run(on_start=on_start, on_stop=on_stop)


if __name__ == "__main__":
    main()
