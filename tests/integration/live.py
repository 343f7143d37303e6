"""A machine that talks to a real portal, over HTTP and the agent socket, without the agent's own code."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Callable
from typing import Any, Self

import httpx
import orjson
import zstandard
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from mesh.keys import encode_key, format_proof_header, generate_private_key, make_proof, public_key_of
from mesh.netmap.apply import apply_delta

SUBPROTOCOL = "ghostwire.v1"
SUBPROTOCOL_ZSTD = "ghostwire.v1+zstd"


class LiveMachine:
    """One machine at one portal. Its proofs name ``url`` as the audience."""

    def __init__(self, url: str, hostname: str = "web") -> None:
        self.url = url
        self.hostname = hostname
        self.private_key = generate_private_key(secrets.token_bytes(32))
        self.public_key = encode_key(public_key_of(self.private_key))
        self.http = httpx.AsyncClient(base_url=f"{url}/api/v1/", timeout=20, trust_env=False)
        self.token = ""
        self.node_id = 0

    def again(self) -> LiveMachine:
        """The same machine with its token and a client of its own, for another event loop."""
        other = LiveMachine(self.url, self.hostname)
        other.private_key, other.public_key = self.private_key, self.public_key
        other.token, other.node_id = self.token, self.node_id
        return other

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def prove(self, purpose: str, body: bytes) -> str:
        """The proof header for a body."""
        answer = await self.http.post("nodes/challenge", json={"public_key": self.public_key})
        challenge = answer.raise_for_status().json()
        mac = make_proof(
            purpose=purpose,
            private_key=self.private_key,
            server_key=base64.b64decode(challenge["server_key"]),
            nonce=base64.b64decode(challenge["nonce"]),
            audience=self.url,
            public_key=public_key_of(self.private_key),
            body=body,
        )
        return format_proof_header(challenge["challenge_id"], mac)

    async def register(self, auth_key: str, **members: Any) -> httpx.Response:
        """Registers; on success keeps token and id."""
        body = orjson.dumps({"public_key": self.public_key, "hostname": self.hostname, "auth_key": auth_key} | members)
        fields = {"Content-Type": "application/json", "GhostWire-Proof": await self.prove("register", body)}
        answer = await self.http.post("nodes/register", content=body, headers=fields)
        if answer.status_code in (200, 201):
            self.token = answer.json()["session"]["token"]
            self.node_id = answer.json()["node"]["id"]
        return answer

    async def new_session(self) -> httpx.Response:
        """Asks for a new token with a proof."""
        body = orjson.dumps({"public_key": self.public_key})
        fields = {"Content-Type": "application/json", "GhostWire-Proof": await self.prove("session", body)}
        return await self.http.post("session", content=body, headers=fields)

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A call with the session's token."""
        return await self.http.request(method, path, headers={"Authorization": f"Bearer {self.token}"}, **options)

    def connect(self, **options: Any) -> Any:
        """The agent socket, not greeted yet."""
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        options = {"subprotocols": [SUBPROTOCOL], "proxy": None, "max_size": None} | options
        return connect(self.url.replace("http", "ws", 1) + "/ws/v1/agent", additional_headers=headers, **options)

    async def greet(self, socket: ClientConnection) -> dict[str, Any]:
        """Says hello and returns the map."""
        await socket.send('{"type":"hello","since":null}')
        return await until(socket, "netmap")


def read_message(frame: str | bytes) -> dict[str, Any]:
    """One message, of either subprotocol: a zstd message may be several frames in a row."""
    if isinstance(frame, bytes):
        with zstandard.ZstdDecompressor().stream_reader(frame, read_across_frames=True) as reader:
            frame = reader.read().decode()
    return dict(json.loads(frame))


class Follower:
    """Keeps the map that the portal tells over one socket, as an agent does."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.netmap: dict[str, Any] = {}
        self.deltas: list[dict[str, Any]] = []

    async def greet(self, since: str | None = None) -> dict[str, Any]:
        """Says hello; returns the first answer after applying it."""
        await self.socket.send(json.dumps({"type": "hello", "since": since}))
        while True:
            message = await self.next()
            if message["type"] in ("netmap", "delta"):
                return message

    async def next(self) -> dict[str, Any]:
        """The next message, applied if it is about the map."""
        message = read_message(await self.socket.recv())
        if message["type"] == "netmap":
            self.netmap = message["netmap"]
        elif message["type"] == "delta":
            self.netmap = apply_delta(self.netmap, message)
            self.deltas.append(message)
        return message

    async def until(self, true: Callable[[dict[str, Any]], bool], *, seconds: float = 15) -> dict[str, Any]:
        """Follows until ``true(map)`` holds; the map."""
        async with asyncio.timeout(seconds):
            while not true(self.netmap):
                await self.next()
        return self.netmap


async def until(socket: ClientConnection, kind: str, *, seconds: float = 15) -> dict[str, Any]:
    """The next message of a kind, passing over others."""
    async with asyncio.timeout(seconds):
        while True:
            message = read_message(await socket.recv())
            if message["type"] == kind:
                return message


async def close_code(socket: ClientConnection, *, seconds: float = 15) -> int:
    """The code that the portal closes the socket with; messages before it are passed over."""
    async with asyncio.timeout(seconds):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code
