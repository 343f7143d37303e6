"""X25519: which public keys may stand for a node, how keys are spelled, made and used (RFC 7748)."""

from __future__ import annotations

import base64
from hmac import compare_digest
from typing import Final

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from mesh.errors import ValidationError

KEY_BYTES: Final = 32
FINGERPRINT_CONTEXT: Final = "ghostwire v1 key fingerprint"
FIELD_PRIME: Final = 2**255 - 19

# The u-coordinates below the prime whose order divides the cofactor, on the curve or its twist: with any private
# key they give the all-zero secret (RFC 7748, section 6.1 and section 7).
LOW_ORDER_POINTS: Final = frozenset(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)


def validate_public_key(key: bytes) -> bytes:
    """Return ``key`` (32 bytes, little-endian u-coordinate) if it may stand for a node.

    Refused are other lengths, numbers of 2^255-19 and above (a second spelling of a smaller one; RFC 7748 section 5
    would mask or reduce them) and the low-order points (section 6.1).

    :raises ValidationError: for each of these
    """
    if len(key) != KEY_BYTES:
        raise ValidationError(f"A public key has {KEY_BYTES} bytes, not {len(key)}.")
    if int.from_bytes(key, "little") >= FIELD_PRIME:
        raise ValidationError("The public key is not in canonical form.")
    if key in LOW_ORDER_POINTS:
        raise ValidationError("The public key is a low-order point, which keeps no secret.")
    return key


def decode_public_key(text: str) -> bytes:
    """Read a public key from its one spelling, standard padded base64 of 32 bytes (44 characters).

    :raises ValidationError: for any other spelling, and as ``validate_public_key``
    """
    return validate_public_key(_decode(text, "public"))


def decode_private_key(text: str) -> bytes:
    """Read a private key as an agent keeps it: standard padded base64 of 32 bytes.

    :raises ValidationError: for any other spelling
    """
    return _decode(text, "private")


def encode_key(key: bytes) -> str:
    """The spelling of a key everywhere outside the program: standard padded base64, 44 characters.

    :raises ValidationError: if the key has not 32 bytes
    """
    if len(key) != KEY_BYTES:
        raise ValidationError(f"A key has {KEY_BYTES} bytes, not {len(key)}.")
    return base64.b64encode(key).decode("ascii")


def generate_private_key(random_bytes: bytes) -> bytes:
    """Make a private key from 32 random bytes by clamping them (RFC 7748 section 5, decodeScalar25519).

    :raises ValidationError: if there are not 32 bytes
    """
    if len(random_bytes) != KEY_BYTES:
        raise ValidationError(f"A private key is made of {KEY_BYTES} random bytes, not {len(random_bytes)}.")
    scalar = bytearray(random_bytes)
    scalar[0] &= 0xF8
    scalar[31] &= 0x7F
    scalar[31] |= 0x40
    return bytes(scalar)


def public_key_of(private_key: bytes) -> bytes:
    """The public key (32 bytes) that belongs to a private key, clamped or not.

    :raises ValidationError: if the private key has not 32 bytes
    """
    return _private(private_key).public_key().public_bytes_raw()


def compute_shared_secret(private_key: bytes, public_key: bytes) -> bytes:
    """X25519 of RFC 7748 section 5: 32 bytes that both holders share.

    Computes on whatever u-coordinate it is given, as the RFC asks; keys of nodes went through
    ``validate_public_key`` before.

    :raises ValidationError: for a wrong length, and for an all-zero result (section 6.1)
    """
    if len(public_key) != KEY_BYTES:
        raise ValidationError(f"A public key has {KEY_BYTES} bytes, not {len(public_key)}.")
    try:
        return _private(private_key).exchange(X25519PublicKey.from_public_bytes(public_key))
    except ValueError as error:  # the library's word for an all-zero result
        raise ValidationError("The shared secret is all zero: the public key is a low-order point.") from error


def constant_time_compare(a: bytes, b: bytes) -> bool:
    """Whether two secrets are equal, in a time that tells nothing about where they differ."""
    return compare_digest(a, b)


def fingerprint(public_key: bytes) -> str:
    """A key for people and logs: ``xxxx-xxxx-xxxx-xxxx``, 80 bits of BLAKE3 in lower-case base32.

    It names a key without being one, so it may stand in any log; 80 bits are enough that nobody finds a second key
    with the fingerprint that somebody compares by eye.
    """
    digest = blake3(public_key, derive_key_context=FINGERPRINT_CONTEXT).digest(length=10)
    text = base64.b32encode(digest).decode("ascii").lower()
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))


def _private(key: bytes) -> X25519PrivateKey:
    if len(key) != KEY_BYTES:
        raise ValidationError(f"A private key has {KEY_BYTES} bytes, not {len(key)}.")
    return X25519PrivateKey.from_private_bytes(key)


def _decode(text: str, kind: str) -> bytes:
    # Decoders pass over stray bits in the last character; only encoding again shows a second spelling.
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValidationError(f"A {kind} key is written in standard base64, 44 characters with padding.") from error
    if len(key) != KEY_BYTES or base64.b64encode(key).decode("ascii") != text:
        raise ValidationError(f"A {kind} key is 32 bytes in standard base64, 44 characters with padding.")
    return key
