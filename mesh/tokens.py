"""Bearer tokens: how they are made, stored, recognised and kept out of logs.

A token is shown once. The database holds a keyed digest of it and the pepper's id; the pepper itself lives outside
the database, so that a stolen copy of the database opens nothing and cannot even be tested for a guessed token.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime
from enum import StrEnum
from hmac import compare_digest
from typing import Final

from blake3 import blake3

from mesh.errors import AuthenticationError, ValidationError

TOKEN_CONTEXT: Final = "ghostwire v1 token"  # noqa: S105 - a public constant for domain separation
RANDOM_BYTES: Final = 32
PEPPER_BYTES: Final = 32
DIGEST_BYTES: Final = 32
# Prefix, and 43 characters of base64url that stand for 32 bytes.
TOKEN_LENGTH: Final = 4 + 43
# How much of a token stays readable in a log or a list: the kind and four characters.
VISIBLE_LENGTH: Final = 8

_TOKEN_REFUSED: Final = "The token is not valid."  # noqa: S105


class TokenKind(StrEnum):
    """What a token is for; the value is its prefix, by which people and secret scanners recognise it."""

    SESSION = "gws_"
    AUTH_KEY = "gwk_"
    API_TOKEN = "gwa_"  # noqa: S105
    LINK = "gwl_"


# The last of 43 characters carries two unused bits, which must be zero: a token has one spelling.
_TOKEN: Final = re.compile(r"(gws_|gwk_|gwa_|gwl_)[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


def derive_token(
    kind: TokenKind,
    *,
    at: datetime,
    random32: bytes,
    id: int | str | None = None,
    public_key: bytes | None = None,
) -> str:
    """Make a token: its kind's prefix and base64url without padding of BLAKE3-derive-key over the parts.

    The parts are id, public key, time in whole microseconds since 1970 and 32 random bytes, each behind a byte that
    says which part it is and its length, so that parts can neither be shifted into each other nor left out unseen.
    The strength is in ``random32`` alone; the other parts keep two tokens apart even where randomness repeats.

    :param at: an aware instant
    :raises ValidationError: for a naive instant or anything but 32 random bytes
    """
    if len(random32) != RANDOM_BYTES:
        raise ValidationError(f"A token is made with {RANDOM_BYTES} random bytes, not {len(random32)}.")
    if at.tzinfo is None:
        raise ValidationError("A token is made at an instant with a time zone.")
    parts: list[tuple[bytes, bytes]] = [(b"k", kind.encode())]
    if id is not None:
        parts.append((b"i", str(id).encode()))
    if public_key is not None:
        parts.append((b"p", public_key))
    parts += [(b"t", _microseconds(at).to_bytes(8, "big", signed=True)), (b"r", random32)]
    message = b"".join(mark + len(part).to_bytes(4, "big") + part for mark, part in parts)
    digest = blake3(message, derive_key_context=TOKEN_CONTEXT).digest()
    return kind + base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def parse_kind(token: str) -> TokenKind:
    """Which kind a token is, by its form alone; whether it is worth anything only its digest tells.

    :raises AuthenticationError: for anything that ``derive_token`` could not have made
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise AuthenticationError(_TOKEN_REFUSED)
    return TokenKind(found[1])


def digest_token(token: str, pepper: bytes) -> bytes:
    """What the database keeps of a token: BLAKE3 keyed with the pepper (32 bytes), 32 bytes.

    A fast hash is right here: a token has 256 random bits, there is nothing to guess that slowness would protect.

    :raises ValidationError: if the pepper has not 32 bytes
    """
    if len(pepper) != PEPPER_BYTES:
        raise ValidationError(f"A pepper has {PEPPER_BYTES} bytes, not {len(pepper)}.")
    return blake3(token.encode(errors="replace"), key=pepper).digest()


def matches(token: str, digest: bytes, pepper: bytes) -> bool:
    """Whether ``token`` is the one that ``digest`` was kept for, in constant time.

    :raises ValidationError: if the pepper has not 32 bytes
    """
    return compare_digest(digest_token(token, pepper), digest)


def visible_prefix(token: str) -> str:
    """The part of a token that may be kept and shown to recognise it: ``gwk_7Qm2`` (24 of its 256 bits)."""
    return token[:VISIBLE_LENGTH]


_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _microseconds(at: datetime) -> int:
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


# A WireGuard key, also percent-encoded. No boundary on the left: in "peers/KEY" the slash belongs to the alphabet.
_BASE64_KEY: Final = re.compile(r"((?:[A-Za-z0-9+/]|%2[BbFf]){43})(?:=|%3[Dd])")
# The same in hexadecimal, as WireGuard's configuration protocol writes it: private_key=, preshared_key=, public_key=.
_HEX_KEY: Final = re.compile(r"(?<=_key=)([0-9A-Fa-f]{64})")
# A header line, or a header in the repr of a mapping or of a list of pairs of bytes.
_PROOF: Final = re.compile(
    r"(?i)(ghostwire[-_]proof[^a-z0-9]{1,8}(?:b['\"])?)([a-z0-9._~-]{1,4})[a-z0-9._~-]{0,508}:[a-z0-9_-]{5,}"
)
_BEARER: Final = re.compile(r"(?i)(\bbearer(?:\s|%20)+)(?!gw[skal]_)([A-Za-z0-9._~+/-]{5,}=*)")
_ANY_TOKEN: Final = re.compile(r"((?:gws_|gwk_|gwa_|gwl_)[A-Za-z0-9_-]{5,})")
# 32 bytes in base64url, such as the MAC of a proof on its own. Capitals tell it from an identifier in snake case.
_BARE_SECRET: Final = re.compile(r"(?<![A-Za-z0-9_-])(?=[a-z0-9_-]*[A-Z])([A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])")


def mask(text: str) -> str:
    """Make a line fit for a log: whatever could be a secret keeps a few characters to recognise it by.

    Masked are tokens (``gwk_7Qm2…``, also cut-off ones), WireGuard keys in base64 and in hexadecimal (private and
    public ones look alike), the value of ``GhostWire-Proof`` and of ``Bearer``, and 43 characters of base64url
    standing alone. Masking what is masked already changes nothing.
    """
    text = _BASE64_KEY.sub(lambda found: found[1][:4] + "…", text)
    text = _HEX_KEY.sub(lambda found: found[1][:4] + "…", text)
    text = _PROOF.sub(lambda found: found[1] + found[2] + "…", text)
    text = _BEARER.sub(lambda found: found[1] + found[2][:4] + "…", text)
    text = _ANY_TOKEN.sub(lambda found: found[1][:VISIBLE_LENGTH] + "…", text)
    return _BARE_SECRET.sub(lambda found: found[1][:4] + "…", text)
