"""The proof that a caller holds a private key; the agent protocol, section "Proof of possession", says how."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from enum import StrEnum
from hmac import compare_digest
from typing import Final

from blake3 import blake3

from mesh.errors import AuthenticationError, ValidationError
from mesh.keys.audience import normalise_audience
from mesh.keys.curve import KEY_BYTES, compute_shared_secret

NONCE_BYTES: Final = 16
PROOF_CONTEXT: Final = "ghostwire v1 proof of possession"
PROOF_HEADER: Final = "GhostWire-Proof"

_PROOF_REFUSED: Final = "The proof of possession was not accepted."
_CHALLENGE_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,512}")
_MAC: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Purpose(StrEnum):
    """What a proof is good for; a proof made for one purpose is worth nothing for another."""

    REGISTER = "register"
    SESSION = "session"
    ROTATE = "rotate"
    ENROL = "enrol"


def derive_proof_key(secret: bytes) -> bytes:
    """The MAC key (32 bytes) of a proof, from the shared secret (32 bytes; 64 for a rotation)."""
    return blake3(secret, derive_key_context=PROOF_CONTEXT).digest()


def proof_message(
    *,
    purpose: Purpose | str,
    server_key: bytes,
    nonce: bytes,
    audience: str,
    public_key: bytes,
    body: bytes,
    current_public: bytes | None = None,
) -> bytes:
    """What the MAC of a proof covers. Every part but the purpose, which ends in a zero byte, has a fixed length.

    :raises ValidationError: for an unknown purpose, a part of the wrong length, or a current key that is missing
        from a rotation or stands in anything else
    """
    purpose = _purpose(purpose, rotating=current_public is not None)
    current = current_public or b""
    if len(nonce) != NONCE_BYTES:
        raise ValidationError(f"A nonce has {NONCE_BYTES} bytes, not {len(nonce)}.")
    if len(server_key) != KEY_BYTES or len(public_key) != KEY_BYTES or len(current) not in (0, KEY_BYTES):
        raise ValidationError(f"Each key of a proof has {KEY_BYTES} bytes.")
    audience_hash = blake3(audience.encode()).digest()
    return b"".join(
        (purpose.encode(), b"\0", server_key, nonce, audience_hash, public_key, current, blake3(body).digest())
    )


def proof_mac(key: bytes, message: bytes) -> str:
    """BLAKE3 keyed with ``key`` over ``message``, as base64url without padding: 43 characters."""
    return base64.urlsafe_b64encode(blake3(message, key=key).digest()).rstrip(b"=").decode("ascii")


def make_proof(
    *,
    purpose: Purpose | str,
    private_key: bytes,
    server_key: bytes,
    nonce: bytes,
    audience: str,
    public_key: bytes,
    body: bytes,
    current_private: bytes | None = None,
    current_public: bytes | None = None,
) -> str:
    """Prove possession of ``private_key``: the MAC text that an agent sends beside the challenge's id.

    ``server_key`` and ``nonce`` come from the challenge, ``audience`` is the portal's origin as the agent knows it
    (normalised here), ``body`` the bytes that are sent. A rotation brings the node's current pair too.

    :raises ValidationError: for parts that do not fit, and for a server key that gives an all-zero secret
    """
    if (current_private is None) != (current_public is None):
        raise ValidationError("A current private key and its public key come together.")
    secret = compute_shared_secret(private_key, server_key)
    if current_private is not None:
        secret += compute_shared_secret(current_private, server_key)
    message = proof_message(
        purpose=purpose,
        server_key=server_key,
        nonce=nonce,
        audience=normalise_audience(audience),
        public_key=public_key,
        body=body,
        current_public=current_public,
    )
    return proof_mac(derive_proof_key(secret), message)


def verify_proof(
    mac: str,
    *,
    purpose: Purpose | str,
    server_private: bytes,
    server_key: bytes,
    nonce: bytes,
    audiences: Iterable[str],
    public_key: bytes,
    body: bytes,
    current_public: bytes | None = None,
) -> None:
    """Check a proof on the portal's side; returns only if it holds.

    ``server_private`` and ``server_key`` are the pair that the challenge named, ``audiences`` the portal's own
    origins, already normalised (the Host header is never one of them), ``public_key`` the challenge's and the
    body's, ``body`` the bytes as received. A rotation gives the node's present key as ``current_public``.

    :raises AuthenticationError: if the proof does not hold, whatever the reason
    """
    try:
        secret = compute_shared_secret(server_private, public_key)
        if current_public is not None:
            secret += compute_shared_secret(server_private, current_public)
        key = derive_proof_key(secret)
        expected = [
            proof_mac(
                key,
                proof_message(
                    purpose=purpose,
                    server_key=server_key,
                    nonce=nonce,
                    audience=audience,
                    public_key=public_key,
                    body=body,
                    current_public=current_public,
                ),
            ).encode()
            for audience in audiences
        ]
    except ValidationError as error:
        raise AuthenticationError(_PROOF_REFUSED) from error
    given = mac.encode(errors="replace")
    if not any(compare_digest(given, candidate) for candidate in expected):
        raise AuthenticationError(_PROOF_REFUSED)


def format_proof_header(challenge_id: str, mac: str) -> str:
    """The value of the ``GhostWire-Proof`` header."""
    return f"{challenge_id}:{mac}"


def parse_proof_header(value: str) -> tuple[str, str]:
    """Split the value of a ``GhostWire-Proof`` header into challenge id and MAC.

    :raises AuthenticationError: if it has another form
    """
    challenge_id, _, mac = value.partition(":")
    if not _CHALLENGE_ID.fullmatch(challenge_id) or not _MAC.fullmatch(mac):
        raise AuthenticationError(_PROOF_REFUSED)
    return challenge_id, mac


def _purpose(purpose: str, *, rotating: bool) -> Purpose:
    try:
        known = Purpose(purpose)
    except ValueError as error:
        raise ValidationError("A proof of possession has no such purpose.") from error
    if rotating != (known is Purpose.ROTATE):
        raise ValidationError("A rotation, and only a rotation, proves the current key too.")
    return known
