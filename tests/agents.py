"""A machine as the portal's tests need one: it has a key, proves it, and calls the API.

Through Django's test client, but for the calls that are answered in front of Django: those go through the whole
application.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.conf import settings
from django.test import Client

from mesh.keys import encode_key, format_proof_header, generate_private_key, make_proof, public_key_of
from nodes.models import Node
from tests.front import call_front, is_in_front


@dataclass
class Machine:
    """One machine. ``token`` is the session's once it has one; ``origin`` is the address it calls from."""

    hostname: str = "web"
    private_key: bytes = field(default_factory=lambda: generate_private_key(secrets.token_bytes(32)))
    token: str | None = None
    origin: str = "192.0.2.10"
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    @property
    def public_key(self) -> str:
        return encode_key(public_key_of(self.private_key))

    @property
    def node(self) -> Node:
        """Its node, as the database has it now."""
        return Node.objects.get(public_key=self.public_key)

    def challenge(self) -> dict[str, Any]:
        """A fresh challenge for this machine's key."""
        response = self.call("post", "nodes/challenge", {"public_key": self.public_key})
        assert response.status_code == 201, response.content
        return dict(response.json())

    def proof(self, purpose: str, /, body: bytes, challenge: dict[str, Any] | None = None, **changes: Any) -> str:
        """The GhostWire-Proof header for a body; ``changes`` replace parts of it."""
        challenge = challenge or self.challenge()
        parts: dict[str, Any] = {
            "purpose": purpose,
            "private_key": self.private_key,
            "server_key": base64.b64decode(challenge["server_key"]),
            "nonce": base64.b64decode(challenge["nonce"]),
            "audience": settings.GHOSTWIRE.public_urls[0],
            "public_key": public_key_of(self.private_key),
            "body": body,
        }
        return format_proof_header(challenge["challenge_id"], make_proof(**(parts | changes)))

    def register(self, auth_key: str | None, **members: Any) -> Any:
        """Registers; the response. On success the token is kept."""
        body = {"public_key": self.public_key, "hostname": self.hostname} | members
        if auth_key is not None:
            body["auth_key"] = auth_key
        raw = orjson.dumps(body)
        response = self.call("post", "nodes/register", raw, headers={"GhostWire-Proof": self.proof("register", raw)})
        if response.status_code in (200, 201):
            self.token = response.json()["session"]["token"]
        return response

    def collect(self, code: str, **changes: Any) -> Any:
        """Asks what became of its request; the response. On success the token is kept."""
        raw = orjson.dumps({"public_key": self.public_key})
        proof = self.proof("enrol", raw, **changes)
        response = self.call("post", f"enrolments/{code}", raw, headers={"GhostWire-Proof": proof})
        if "session" in response.json():
            self.token = response.json()["session"]["token"]
        return response

    def new_session(self) -> Any:
        """Asks for a new token with a proof; the response."""
        raw = orjson.dumps({"public_key": self.public_key})
        return self.call("post", "session", raw, headers={"GhostWire-Proof": self.proof("session", raw)})

    def call(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Any:
        """One call of the API below /api/v1/, with the session's token where there is one."""
        fields = dict(headers or {})
        if self.token is not None and "Authorization" not in fields:
            fields["Authorization"] = f"Bearer {self.token}"
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        content_type = fields.pop("Content-Type", "application/json")
        if is_in_front(method, f"/api/v1/{path}"):
            given = {**fields, "Content-Type": content_type} if data else fields
            return call_front(method, f"/api/v1/{path}", data, headers=given, origin=self.origin)
        return self.client.generic(
            method.upper(),
            f"/api/v1/{path}",
            data,
            content_type=content_type,
            headers=fields,
            REMOTE_ADDR=self.origin,
        )

    def heartbeat(self, **members: Any) -> Any:
        """A heartbeat; the response."""
        return self.call("post", "heartbeat", members)

    def netmap(self) -> dict[str, Any]:
        """The machine's map."""
        response = self.call("get", "netmap")
        assert response.status_code == 200, response.content
        return dict(response.json())

    def peer_names(self) -> list[str]:
        """The names of the peers in the machine's map, sorted."""
        return sorted(peer["name"] for peer in self.netmap()["peers"])
