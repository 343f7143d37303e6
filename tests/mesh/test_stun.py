"""STUN messages: the RFC's own samples, and everything that is no answer."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.stun import Seen, StunError, binding_answer, binding_request, read_answer, read_request

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
# RFC 5769 sections 2.2 and 2.3.
SAMPLE_IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
SAMPLE_IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)
SEEN: Seen = (IPv4Address("192.0.2.1"), 32853)
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
PORTS = st.integers(min_value=0, max_value=65535)


@pytest.mark.parametrize(
    ("sample", "seen"),
    [(SAMPLE_IPV4, SEEN), (SAMPLE_IPV6, (IPv6Address("2001:db8:1234:5678:11:2233:4455:6677"), 32853))],
    ids=["IPv4", "IPv6"],
)
def test_samples_of_the_rfc(sample: bytes, seen: Seen) -> None:
    assert read_answer(sample, TRANSACTION) == seen


@given(st.binary(min_size=12, max_size=12), ADDRESSES, PORTS)
def test_an_answer_says_from_where_its_request_came(transaction: bytes, address: object, port: int) -> None:
    seen = (address, port)
    assert read_request(binding_request(transaction)) == transaction
    assert read_answer(binding_answer(transaction, seen), transaction) == seen  # type: ignore[arg-type]


def attribute(name: int, value: bytes) -> bytes:
    return name.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)


def answer(*attributes: bytes, kind: int = 0x0101, transaction: bytes = TRANSACTION) -> bytes:
    body = b"".join(attributes)
    return kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + bytes.fromhex("2112a442") + transaction + body


MAPPED = attribute(0x0001, bytes.fromhex("00018055c0000201"))
XOR_MAPPED = attribute(0x0020, bytes.fromhex("0001a147e112a643"))


@pytest.mark.parametrize(
    "data",
    [answer(MAPPED), answer(XOR_MAPPED), answer(attribute(0x8022, b"x"), XOR_MAPPED), answer(MAPPED, XOR_MAPPED)],
    ids=["without the mask", "masked", "software first", "both"],
)
def test_ways_to_say_it(data: bytes) -> None:
    assert read_answer(data, TRANSACTION) == SEEN


@pytest.mark.parametrize(
    "data",
    [
        b"",
        answer(XOR_MAPPED)[:19],
        answer(XOR_MAPPED)[:-4],
        answer(XOR_MAPPED) + b"\0\0\0\0",
        answer(XOR_MAPPED, transaction=bytes(12)),
        answer(XOR_MAPPED, kind=0x0111),
        answer(XOR_MAPPED, kind=0x8101),
        answer(),
        answer(attribute(0x0020, bytes.fromhex("0001a147e112"))),
        answer(attribute(0x0020, bytes.fromhex("0003a147e112a643"))),
        answer(attribute(0x0020, b"\0")),
        answer(attribute(0x7000, b""), XOR_MAPPED),
        answer(attribute(0x0001, b"")[:2] + b"\xff\xff"),
        SAMPLE_IPV4[:-1] + b"\0",
        answer(attribute(0x8022, bytes(1280)), XOR_MAPPED),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
    ids=[
        "nothing", "cut in the head", "cut", "longer than it says", "of another request", "an error", "no STUN",
        "no address", "a short address", "no family", "no head of an address", "an attribute to understand",
        "an attribute beyond the end", "a wrong fingerprint", "too long", "HTTP",
    ],
)  # fmt: skip
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(StunError):
        read_answer(data, TRANSACTION)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for head in (b"", answer()[:20]):
        with pytest.raises(StunError):
            read_answer(head + data, bytes(12))


def test_an_answer_is_no_request() -> None:
    with pytest.raises(StunError):
        read_request(SAMPLE_IPV4)


def test_a_transaction_has_twelve_bytes() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        binding_request(bytes(11))
