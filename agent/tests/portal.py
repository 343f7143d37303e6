"""A portal in miniature, on real sockets: it checks proofs and tokens, and speaks the agent protocol where tests ask.

It is written from the protocol alone, apart from the portal's own code, so that the agent is tested against the text.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.tests.answers import Challenge, empty_map, problem, stamp
from agent.tests.deltas import answer_hello, delta, moved_on, packed
from mesh.errors import AuthenticationError
from mesh.keys import (
    Purpose,
    decode_public_key,
    encode_key,
    generate_private_key,
    parse_proof_header,
    public_key_of,
    verify_proof,
)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


@dataclass
class FakePortal:
    """What tests set and look at. ``answers`` overrides the next answers of a call: ``(status, body, headers)``."""

    auth_keys: set[str] = field(default_factory=lambda: {"gwk_test"})
    heartbeat_seconds: float = 0.05
    session_seconds: float = 3600.0
    lease_seconds: int = 43200
    socket: str = "open"  # "open", "refused" (HTTP 403 before accept), "broken" (accepted without the subprotocol)
    known: dict[str, int] = field(default_factory=dict)  # public key -> node id
    session_refusal: tuple[int, str] | None = None
    answers: dict[str, list[tuple[int, dict[str, Any], dict[str, str]]]] = field(default_factory=dict)
    netmaps: dict[int, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    sockets: list[asyncio.Queue[dict[str, Any]]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    posture_refusals: list[dict[str, Any]] = field(default_factory=list)  # the next answers over sockets
    zstd: bool = False
    origin: str = ""
    _challenges: dict[str, Challenge] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    # -- for tests ------------------------------------------------------------------------------------------------

    def count(self, call: str) -> int:
        """How often a call was made."""
        return sum(1 for name, _ in self.calls if name == call)

    async def until(self, condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
        """Return as soon as a condition holds; it is looked at whenever the portal hears something."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def push(self, netmap: dict[str, Any], *, node_id: int = 1) -> None:
        """Make this the node's map and send it to open sockets."""
        self.netmaps[node_id] = netmap
        for queue in self.sockets:
            queue.put_nowait({"type": "netmap", "netmap": netmap})

    def advance(self, node_id: int = 1, **members: Any) -> int:
        """Move the node's map on by one version that differs in ``members``; tell open sockets. The new version."""
        before = self.netmaps[node_id]
        after = self.netmaps[node_id] = moved_on(before, members)
        self.steps.append(delta(before["version"], after["version"], **members))
        self.say(self.steps[-1])
        return int(after["version"])

    def close_sockets(self, code: int) -> None:
        """Close every open socket with a code."""
        for queue in self.sockets:
            queue.put_nowait({"close": code})

    def say(self, message: dict[str, Any]) -> None:
        """Send a message to open sockets."""
        for queue in self.sockets:
            queue.put_nowait(message)

    def postures(self) -> list[dict[str, Any]]:
        """The postures of heartbeats, either way, in order."""
        beats = ("frame heartbeat", "POST heartbeat")
        return [what["posture"] for call, what in self.calls if call in beats and what and "posture" in what]

    # -- ASGI -----------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    def _note(self, call: str, what: Any) -> None:
        self.calls.append((call, what))
        self._changed.set()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        call = f"{scope['method']} {scope['path'].removeprefix('/api/v1/')}"
        self._note(call, json.loads(body) if body else None)
        override = self.answers.get(call)
        if override:
            status, answer, extra = override.pop(0)
        else:
            status, answer, extra = self._answer(call, body, headers)
        content = json.dumps(answer).encode() if status != 304 else b""
        kind = b"application/problem+json" if status >= 400 else b"application/json"
        sent = [(b"content-type", kind), *((name.encode(), value.encode()) for name, value in extra.items())]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": content})

    def _answer(  # noqa: PLR0911 - one return a call reads best
        self, call: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        try:
            if call == "POST nodes/challenge":
                return 201, self._challenge(json.loads(body)["public_key"]), {}
            if call == "POST nodes/register":
                return self._register(body, headers)
            if call == "POST session":
                return self._session(body, headers)
            node = self._node_of(headers)
        except AuthenticationError as error:
            return 401, problem("authentication", error.detail), {}
        if call == "POST heartbeat":
            return 200, self.ack(node), {}
        if call == "GET netmap":
            etag = f'W/"{hash(json.dumps(self.netmaps[node] | {"version": 0}, sort_keys=True))}"'
            if headers.get("if-none-match") == etag:
                return 304, {}, {"etag": etag}
            return 200, self.netmaps[node], {"etag": etag}
        if call in ("PUT endpoints", "PUT routes"):
            return 200, json.loads(body), {}
        if call == "DELETE session":
            self.tokens = {token: owner for token, owner in self.tokens.items() if owner != node}
            return 204, {}, {}
        return 404, problem("not_found", "There is no such call."), {}

    def _challenge(self, public_key: str) -> dict[str, Any]:
        private = generate_private_key(secrets.token_bytes(32))
        challenge_id = secrets.token_urlsafe(12)
        nonce = secrets.token_bytes(16)
        self._challenges[challenge_id] = Challenge(decode_public_key(public_key), private, nonce)
        return {
            "challenge_id": challenge_id,
            "server_key": encode_key(public_key_of(private)),
            "nonce": base64.b64encode(nonce).decode(),
            "expires_at": stamp(datetime.now(UTC) + timedelta(seconds=60)),
        }

    def _verify(self, purpose: Purpose, body: bytes, headers: dict[str, str]) -> str:
        challenge_id, mac = parse_proof_header(headers.get("ghostwire-proof", ""))
        challenge = self._challenges.pop(challenge_id, None)
        public_key = str(json.loads(body)["public_key"])
        if challenge is None or decode_public_key(public_key) != challenge.public_key:
            raise AuthenticationError("refused")
        verify_proof(
            mac,
            purpose=purpose,
            server_private=challenge.private,
            server_key=public_key_of(challenge.private),
            nonce=challenge.nonce,
            audiences=[self.origin],
            public_key=challenge.public_key,
            body=body,
        )
        return public_key

    def _register(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any], dict[str, str]]:
        public_key = self._verify(Purpose.REGISTER, body, headers)
        request = json.loads(body)
        if request.get("auth_key") not in self.auth_keys:
            raise AuthenticationError("refused")
        created = public_key not in self.known
        node_id = self.known.setdefault(public_key, len(self.known) + 1)
        self.netmaps.setdefault(node_id, empty_map(public_key, node_id))
        answer = {
            "node": {
                "id": node_id,
                "name": request["hostname"],
                "fqdn": f"{request['hostname']}.test.ghost",
                "addresses": self.netmaps[node_id]["node"]["addresses"],
                "tags": [],
                "user": 1,
                "key_expires_at": None,
            },
            "session": self._issue(node_id),
            "network": {
                "name": "test",
                "domain": "test.ghost",
                "heartbeat_seconds": 30,
                "lease_seconds": self.lease_seconds,
                "epoch": 1,
            },
            "map_version": self.netmaps[node_id]["version"],
        }
        return (201 if created else 200), answer, {}

    def _session(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any], dict[str, str]]:
        public_key = self._verify(Purpose.SESSION, body, headers)
        if self.session_refusal is not None:
            status, detail = self.session_refusal
            return status, problem("authentication" if status == 401 else "permission", detail), {}
        if public_key not in self.known:
            raise AuthenticationError("refused")
        return 201, {"session": self._issue(self.known[public_key])}, {}

    def _issue(self, node_id: int) -> dict[str, str]:
        token = f"gws_{secrets.token_urlsafe(32)}"
        self.tokens[token] = node_id
        return {"token": token, "expires_at": stamp(datetime.now(UTC) + timedelta(seconds=self.session_seconds))}

    def _node_of(self, headers: dict[str, str]) -> int:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            raise AuthenticationError("no session")
        return self.tokens[token]

    def ack(self, node: int) -> dict[str, Any]:
        """The answer to a heartbeat."""
        now = datetime.now(UTC)
        return {
            "epoch": self.netmaps[node]["epoch"],
            "map_version": self.netmaps[node]["version"],
            "next_heartbeat_seconds": self.heartbeat_seconds,
            "session_expires_at": stamp(now + timedelta(seconds=self.session_seconds)),
            "key_expires_at": None,
            "lease_seconds": self.lease_seconds,
            "server_time": stamp(now),
        }

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self._note("socket", headers)
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if self.socket == "refused" or token not in self.tokens or "origin" in headers:
            await send({"type": "websocket.close", "code": 4401})
            return
        await send(
            {
                "type": "websocket.accept",
                "subprotocol": ("ghostwire.v1+zstd" if self.zstd else "ghostwire.v1")
                if self.socket == "open"
                else None,
                "headers": [],
            }
        )
        node, queue = self.tokens[token], asyncio.Queue[dict[str, Any]]()
        self.sockets.append(queue)
        writer = asyncio.create_task(self._write(queue, send))
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                frame = json.loads(message["text"])
                self.frames.append(frame)
                self._note(f"frame {frame['type']}", frame)
                if frame["type"] == "hello":
                    queue.put_nowait(answer_hello(self.netmaps[node], self.steps, frame["since"]))
                elif frame["type"] == "heartbeat" and "posture" in frame and self.posture_refusals:
                    queue.put_nowait({"type": "error"} | self.posture_refusals.pop(0))
                elif frame["type"] == "heartbeat":
                    queue.put_nowait({"type": "heartbeat_ack"} | self.ack(node))
        finally:
            self.sockets.remove(queue)
            writer.cancel()
            self._changed.set()

    async def _write(self, queue: asyncio.Queue[dict[str, Any]], send: Send) -> None:
        while True:
            message = await queue.get()
            if "close" in message:
                await send({"type": "websocket.close", "code": message["close"]})
                return
            text = json.dumps(message)
            await send({"type": "websocket.send"} | ({"bytes": packed(text)} if self.zstd else {"text": text}))
