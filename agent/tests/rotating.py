"""A portal that lets nodes change their keys, and may lose the answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agent.tests.answers import problem, stamp
from agent.tests.portal import FakePortal
from mesh.errors import AuthenticationError
from mesh.keys import (
    Purpose,
    decode_public_key,
    parse_proof_header,
    public_key_of,
    verify_proof,
)

PAST = stamp(datetime(2020, 1, 1, tzinfo=UTC))


@dataclass
class RotatingPortal(FakePortal):
    """Knows ``POST key/rotate``. ``silent``: what it does holds, but a proxy's error comes in place of its answer.
    ``tells``: whether the map of the new key is pushed."""

    silent: bool = False
    tells: bool = True
    replaced: dict[str, str] = field(default_factory=dict)  # new key -> the one before

    def _answer(self, call: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any], dict[str, str]]:
        if call != "POST key/rotate":
            return super()._answer(call, body, headers)
        try:
            node = self._node_of(headers)
            new = self._proved(node, body, headers)
        except AuthenticationError as error:
            return 401, problem("authentication", error.detail), {}
        self.rotate(node, new)
        if self.silent:
            return 502, {"detail": "the answer is lost"}, {}
        return 200, {"public_key": new, "key_expires_at": None, "map_version": self.netmaps[node]["version"]}, {}

    def _register(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any], dict[str, str]]:
        if json.loads(body)["public_key"] in self.replaced.values():
            return 403, problem("permission", "This key was retired."), {}
        return super()._register(body, headers)

    def rotate(self, node: int, new: str) -> None:
        """The node has another key; repeated, nothing changes."""
        former = self.netmaps[node]["node_key"]
        if new == former:
            return
        self.replaced[new] = former
        self.known[new] = self.known.pop(former)
        own = self.netmaps[node]["node"] | {"key": new, "rotate_key_at": None}
        if self.tells:
            self.advance(node, node=own, node_key=new)

    def _proved(self, node: int, body: bytes, headers: dict[str, str]) -> str:
        challenge_id, mac = parse_proof_header(headers.get("ghostwire-proof", ""))
        challenge = self._challenges.pop(challenge_id)
        new = str(json.loads(body)["public_key"])
        present = self.netmaps[node]["node_key"]
        verify_proof(
            mac,
            purpose=Purpose.ROTATE,
            server_private=challenge.private,
            server_key=public_key_of(challenge.private),
            nonce=challenge.nonce,
            audiences=[self.origin],
            public_key=decode_public_key(new),
            body=body,
            current_public=decode_public_key(self.replaced[new] if new == present else present),
        )
        return new

    def ask(self, at: str | None = PAST, **own: Any) -> None:
        """The map says when to rotate."""
        self.advance(1, node=self.netmaps[1]["node"] | {"rotate_key_at": at, **own})
