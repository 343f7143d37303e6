"""STUN binding requests and their answers as bytes (RFC 8489): as much as asking for one's own address takes."""

from __future__ import annotations

import binascii
import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from mesh.errors import ValidationError

TRANSACTION_BYTES: Final = 12
MAX_MESSAGE: Final = 1280
"""Longer answers are refused: no path has to carry more (RFC 8489 section 6.1)."""

_COOKIE: Final = 0x2112A442
_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_REQUEST: Final = 0x0001
_SUCCESS: Final = 0x0101
_MAPPED: Final = 0x0001
_XOR_MAPPED: Final = 0x0020
_FINGERPRINT: Final = 0x8028
_FINGERPRINT_XOR: Final = 0x5354554E
_COMPREHENSION_REQUIRED: Final = 0x8000
_PASSED_OVER: Final = frozenset({0x0006, 0x0008, 0x0009, 0x000A, 0x0014, 0x0015, 0x001C, 0x001D, 0x001E})
"""Understood, and of no use to who sent no credentials: of users, integrity and errors (section 18.3.1)."""


Seen: TypeAlias = tuple[IPv4Address | IPv6Address, int]
"""An address and a UDP port."""


class StunError(ValidationError):
    """Bytes that are no answer to the request, or none of use."""

    code = "stun"
    title = "No STUN answer"


def binding_request(transaction: bytes) -> bytes:
    """A binding request with a fingerprint (section 14.7). ``transaction``: 12 random bytes, others each time: whoever
    cannot guess them cannot answer in the server's place."""
    if len(transaction) != TRANSACTION_BYTES:
        raise ValueError("a transaction id has 12 bytes")
    length = _ATTRIBUTE.size + 4
    head = _HEADER.pack(_REQUEST, length, _COOKIE, transaction)
    return head + _ATTRIBUTE.pack(_FINGERPRINT, 4) + struct.pack("!I", _fingerprint(head))


def read_request(data: bytes) -> bytes:
    """The transaction id of a binding request. Raises StunError for anything else."""
    kind, transaction, _ = _split(data)
    if kind != _REQUEST:
        raise StunError("This is no binding request.")
    return transaction


def binding_answer(transaction: bytes, seen: Seen) -> bytes:
    """The answer to a request that came from ``seen``: XOR-MAPPED-ADDRESS (section 14.2) and a fingerprint."""
    at, port = seen
    masked = bytes(one ^ other for one, other in zip(at.packed, _mask(transaction), strict=False))
    value = struct.pack("!BBH", 0, 1 if at.version == 4 else 2, port ^ _COOKIE >> 16) + masked
    body = _ATTRIBUTE.pack(_XOR_MAPPED, len(value)) + value
    head = _HEADER.pack(_SUCCESS, len(body) + _ATTRIBUTE.size + 4, _COOKIE, transaction)
    return head + body + _ATTRIBUTE.pack(_FINGERPRINT, 4) + struct.pack("!I", _fingerprint(head + body))


def read_answer(data: bytes, transaction: bytes) -> Seen:
    """From where the server saw the request with this transaction id.

    Raises StunError for what is no successful answer to it, or says no address; for one whose fingerprint is wrong; and
    for one with an attribute that must be understood and is not (section 6.3.1).
    """
    kind, told, attributes = _split(data)
    if told != transaction:
        raise StunError("This answers another request.")
    if kind != _SUCCESS:
        raise StunError("The server refused.")
    mapped: Seen | None = None
    for name, value in attributes:
        if name == _XOR_MAPPED:
            return _address(value, _mask(transaction))
        if name == _MAPPED:
            mapped = _address(value, bytes(16))
        elif name < _COMPREHENSION_REQUIRED and name not in _PASSED_OVER:
            raise StunError(f"The answer has an attribute {name:#06x} that is not understood.")
    if mapped is None:
        raise StunError("The answer says no address.")
    return mapped


def _split(data: bytes) -> tuple[int, bytes, list[tuple[int, bytes]]]:
    """Kind, transaction id and attributes of a message. Attributes after the fingerprint are passed over."""
    if not _HEADER.size <= len(data) <= MAX_MESSAGE:
        raise StunError("This is no STUN message.")
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind & 0xC000 or cookie != _COOKIE or length % 4 or length != len(data) - _HEADER.size:
        raise StunError("This is no STUN message.")
    attributes: list[tuple[int, bytes]] = []
    at = _HEADER.size
    while at < len(data):
        name, size = _ATTRIBUTE.unpack_from(data, at)
        begin = at + _ATTRIBUTE.size
        end = begin + size
        if end > len(data):
            raise StunError("An attribute is longer than the message.")
        value = data[begin:end]
        if name == _FINGERPRINT:
            if len(value) != 4 or struct.unpack("!I", value)[0] != _fingerprint(data[:at]):
                raise StunError("The fingerprint is wrong.")
            break
        attributes.append((name, value))
        at = end + -size % 4
    return kind, transaction, attributes


def _address(value: bytes, mask: bytes) -> Seen:
    if len(value) < 4:
        raise StunError("The address is cut short.")
    _, family, port = struct.unpack_from("!BBH", value)
    packed = bytes(one ^ other for one, other in zip(value[4:], mask, strict=False))
    port ^= int.from_bytes(mask[:2], "big")
    if family == 1 and len(value) == 8:
        return IPv4Address(packed), port
    if family == 2 and len(value) == 20:
        return IPv6Address(packed), port
    raise StunError("The address is of no known family.")


def _mask(transaction: bytes) -> bytes:
    return _COOKIE.to_bytes(4, "big") + transaction


def _fingerprint(before: bytes) -> int:
    return binascii.crc32(before) ^ _FINGERPRINT_XOR
