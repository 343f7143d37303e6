"""Challenges for the proof of possession (agent protocol, "Proof of possession").

The portal stores nothing for a challenge: its X25519 key follows from a secret and the 30-second slot of the clock,
and the challenge's id carries its facts under a MAC. Only a proof that held is remembered, so that a replay loses.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Final

from blake3 import blake3
from django.conf import settings
from django.db import IntegrityError, transaction

from mesh.errors import AuthenticationError
from mesh.keys import (
    NONCE_BYTES,
    Purpose,
    decode_public_key,
    encode_key,
    generate_private_key,
    normalise_audience,
    parse_proof_header,
    public_key_of,
    verify_proof,
)
from sessions_app.models import UsedChallenge

LIFETIME: Final = timedelta(seconds=60)
SLOT_SECONDS: Final = 30
KEY_CONTEXT: Final = "ghostwire v1 challenge key"
ID_CONTEXT: Final = "ghostwire v1 challenge id"
_HEAD: Final = struct.Struct(">QQ")  # slot of the server key, instant of issue in milliseconds since 1970
_MAC_BYTES: Final = 16
_REFUSED: Final = "The proof of possession does not hold."


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the agent is asked to prove against."""

    challenge_id: str
    server_key: str
    nonce: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that held. ``record_proof`` uses it up."""

    public_key: str
    nonce: bytes
    expires_at: datetime


def issue_challenge(*, public_key: str, now: datetime, nonce: bytes) -> Challenge:
    """A challenge for ``public_key`` (base64). ``nonce``: 16 random bytes. Raises ValidationError for a bad key."""
    key = decode_public_key(public_key)
    issued = int(now.timestamp() * 1000)
    slot = issued // 1000 // SLOT_SECONDS
    head = _HEAD.pack(slot, issued)
    challenge_id = base64.urlsafe_b64encode(head + nonce + _mac(head, nonce, key)).rstrip(b"=").decode()
    server_key = public_key_of(_server_private(slot))
    return Challenge(challenge_id, encode_key(server_key), base64.b64encode(nonce).decode(), now + LIFETIME)


def check_proof(
    *, header: str, purpose: Purpose, public_key: str, body: bytes, now: datetime, current_public: str | None = None
) -> Proof:
    """Checks the ``GhostWire-Proof`` header of a request. Every failure is the same AuthenticationError.

    ``body`` are the bytes as received; ``public_key`` is the one in it, already known to be well-formed.
    """
    challenge_id, mac = parse_proof_header(header)
    key = decode_public_key(public_key)
    slot, issued, nonce = _open(challenge_id, key)
    age = now - datetime.fromtimestamp(issued / 1000, UTC)
    # Clocks of workers differ a little: a challenge from the near future is one from a neighbour.
    if not -LIFETIME < age < LIFETIME:
        raise AuthenticationError(_REFUSED)
    server_private = _server_private(slot)
    verify_proof(
        mac,
        purpose=purpose,
        server_private=server_private,
        server_key=public_key_of(server_private),
        nonce=nonce,
        audiences=[normalise_audience(url) for url in settings.GHOSTWIRE.public_urls],
        public_key=key,
        body=body,
        current_public=None if current_public is None else decode_public_key(current_public),
    )
    return Proof(public_key, nonce, now + 2 * LIFETIME)


def record_proof(proof: Proof) -> None:
    """Uses a proof up within the caller's transaction. Raises AuthenticationError if it was used before."""
    try:
        with transaction.atomic():
            UsedChallenge.objects.create(nonce=proof.nonce, expires_at=proof.expires_at)
    except IntegrityError as error:
        raise AuthenticationError(_REFUSED) from error


def forget_challenges(*, now: datetime) -> int:
    """Drops records of challenges that are too old to be used anyway; returns how many."""
    deleted, _ = UsedChallenge.objects.filter(expires_at__lte=now).delete()
    return deleted


def _server_private(slot: int) -> bytes:
    secret: bytes = settings.GHOSTWIRE_SECRETS.challenge
    return generate_private_key(blake3(secret + slot.to_bytes(8, "big"), derive_key_context=KEY_CONTEXT).digest())


def _mac(head: bytes, nonce: bytes, key: bytes) -> bytes:
    secret: bytes = settings.GHOSTWIRE_SECRETS.challenge
    mac_key = blake3(secret, derive_key_context=ID_CONTEXT).digest()
    return blake3(head + nonce + key, key=mac_key).digest(_MAC_BYTES)


def _open(challenge_id: str, key: bytes) -> tuple[int, int, bytes]:
    try:
        raw = base64.b64decode(challenge_id + "=" * (-len(challenge_id) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise AuthenticationError(_REFUSED) from error
    head, nonce, mac = raw[: _HEAD.size], raw[_HEAD.size : _HEAD.size + NONCE_BYTES], raw[_HEAD.size + NONCE_BYTES :]
    if len(mac) != _MAC_BYTES or not compare_digest(mac, _mac(head, nonce, key)):
        raise AuthenticationError(_REFUSED)
    slot, issued = _HEAD.unpack(head)
    return slot, issued, nonce
