"""What the portal answers, checked: nothing of an answer is used before it was found to be of its shape."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from agent.clock import parse_instant
from agent.errors import PortalUnreachableError
from agent.netmap.values import MAX_INTEGER
from mesh.keys import KEY_BYTES, NONCE_BYTES


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a proof is made over."""

    challenge_id: str
    server_key: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class SessionGrant:
    """A session's token, shown once, and when it ends (RFC 3339, the portal's clock)."""

    token: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class Registration:
    """The answer to a registration; ``created`` says that the portal did not know the key before."""

    node: dict[str, Any]
    network: dict[str, Any]
    session: SessionGrant
    created: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """The portal wants a person's word first: the code to type, or the page to open, until when (RFC 3339)."""

    code: str
    verification_url: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """What became of a request that no registration followed: ``pending`` or ``rejected``."""

    state: str


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer to a heartbeat."""

    epoch: int
    map_version: int
    next_heartbeat_seconds: float
    session_expires_at: datetime
    key_expires_at: datetime | None
    lease_seconds: int
    server_time: datetime

    @property
    def session_left(self) -> float:
        """Seconds until the session ends, by the portal's clock alone: this machine's may be wrong."""
        return (self.session_expires_at - self.server_time).total_seconds()


_MOST_CODE: Final = 64
_MOST_URL: Final = 500


class _Shape(Exception):  # noqa: N818 - never leaves this module
    pass


def read_challenge(value: Any) -> Challenge:
    """Read a challenge. Its key is whatever the portal chose: an all-zero secret is refused when it is used."""
    try:
        return Challenge(
            challenge_id=_text(value, "challenge_id"),
            server_key=_bytes(value, "server_key", KEY_BYTES),
            nonce=_bytes(value, "nonce", NONCE_BYTES),
        )
    except _Shape as error:
        raise _unreadable("challenge", error) from error


def read_session(value: Any) -> SessionGrant:
    """Read ``{session: {token, expires_at}}``."""
    try:
        return _session(value)
    except _Shape as error:
        raise _unreadable("session", error) from error


def read_registration(value: Any, *, created: bool) -> Registration:
    """Read the answer to a registration."""
    try:
        node, network = _object(value, "node"), _object(value, "network")
        _integer(node, "id", low=1)
        _text(node, "name")
        addresses = node.get("addresses")
        if not isinstance(addresses, list) or not all(isinstance(item, str) for item in addresses):
            raise _Shape("node.addresses")
        for name in ("heartbeat_seconds", "lease_seconds"):
            _integer(network, name, low=1)
        _integer(network, "epoch")
        return Registration(node, network, _session(value), created)
    except _Shape as error:
        raise _unreadable("registration", error) from error


def read_waiting(value: Any) -> Waiting:
    """Read ``{enrolment: {code, verification_url, expires_at}}``."""
    try:
        enrolment = _object(value, "enrolment")
        _instant(enrolment, "expires_at")
        code, url = _text(enrolment, "code"), _text(enrolment, "verification_url")
        # The code becomes part of a path, and both are shown on a terminal.
        if len(code) > _MOST_CODE or not code.replace("-", "").isalnum():
            raise _Shape("code")
        if len(url) > _MOST_URL or not url.startswith(("https://", "http://")):
            raise _Shape("verification_url")
        return Waiting(code, url, _text(enrolment, "expires_at"))
    except _Shape as error:
        raise _unreadable("enrolment", error) from error


def read_collected(value: Any) -> Undecided | Registration:
    """Read what became of a waiting request."""
    if not isinstance(value, dict) or "state" not in value:
        return read_registration(value, created=True)
    if value["state"] not in ("pending", "rejected"):
        raise _unreadable("enrolment", _Shape("state"))
    return Undecided(value["state"])


def read_ack(value: Any) -> Ack:
    """Read the answer to a heartbeat."""
    try:
        interval = value.get("next_heartbeat_seconds") if isinstance(value, dict) else None
        if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval <= 86400:
            raise _Shape("next_heartbeat_seconds")
        key_expires_at = value.get("key_expires_at")
        return Ack(
            epoch=_integer(value, "epoch"),
            map_version=_integer(value, "map_version"),
            next_heartbeat_seconds=float(interval),
            session_expires_at=_instant(value, "session_expires_at"),
            key_expires_at=None if key_expires_at is None else _instant(value, "key_expires_at"),
            lease_seconds=_integer(value, "lease_seconds", low=1),
            server_time=_instant(value, "server_time"),
        )
    except _Shape as error:
        raise _unreadable("heartbeat", error) from error


def _session(value: Any) -> SessionGrant:
    session = _object(value, "session")
    _instant(session, "expires_at")
    return SessionGrant(_text(session, "token"), _text(session, "expires_at"))


def _object(value: Any, name: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        raise _Shape(name)
    return found


def _text(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, str) or not found or not found.isascii() or not found.isprintable():
        raise _Shape(name)
    return found


def _integer(value: Any, name: str, *, low: int = 0) -> int:
    found = value.get(name) if isinstance(value, dict) else None
    if type(found) is not int or not low <= found <= MAX_INTEGER:
        raise _Shape(name)
    return found


def _instant(value: Any, name: str) -> datetime:
    try:
        return parse_instant(_text(value, name))
    except ValueError as error:
        raise _Shape(name) from error


def _bytes(value: Any, name: str, length: int) -> bytes:
    try:
        found = base64.b64decode(_text(value, name), validate=True)
    except ValueError as error:
        raise _Shape(name) from error
    if len(found) != length:
        raise _Shape(name)
    return found


def _unreadable(what: str, error: _Shape) -> PortalUnreachableError:
    return PortalUnreachableError(f"The portal's answer is no {what} of protocol 1 ({error}).")
