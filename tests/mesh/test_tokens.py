"""Tokens: their form, what separates one from another, their digests, and that no log line shows one."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import AuthenticationError, ValidationError
from mesh.tokens import (
    DIGEST_BYTES,
    TOKEN_CONTEXT,
    TOKEN_LENGTH,
    TokenKind,
    derive_token,
    digest_token,
    mask,
    matches,
    parse_kind,
    visible_prefix,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RANDOM = bytes(range(32))
PEPPER = b"p" * 32
KEY = b"\x09" * 32

kinds = st.sampled_from(TokenKind)
thirty_two = st.binary(min_size=32, max_size=32)
ids = st.none() | st.integers(0, 2**53) | st.text(max_size=20)
instants = st.datetimes(timezones=st.just(UTC))
parts = st.fixed_dictionaries(
    {"kind": kinds, "id": ids, "public_key": st.none() | st.binary(max_size=40), "at": instants, "random32": thirty_two}
)


def make(
    kind: TokenKind = TokenKind.SESSION,
    *,
    id: int | str | None = None,
    public_key: bytes | None = None,
    at: datetime = NOON,
    random32: bytes = RANDOM,
) -> str:
    return derive_token(kind, id=id, public_key=public_key, at=at, random32=random32)


# --- making


@given(parts)
def test_a_token_is_its_prefix_and_43_characters_that_stand_for_32_bytes(given_parts: dict[str, Any]) -> None:
    token = make(**given_parts)
    assert token.startswith(given_parts["kind"])
    assert len(token) == TOKEN_LENGTH
    assert len(base64.urlsafe_b64decode(token[4:] + "=")) == 32


def test_a_token_is_the_derived_hash_of_its_marked_parts() -> None:
    message = b"".join(
        (
            b"k\0\0\0\x04gws_",
            b"i\0\0\0\x0242",
            b"p\0\0\0\x20" + KEY,
            b"t\0\0\0\x08" + (int(NOON.timestamp()) * 1_000_000).to_bytes(8, "big"),
            b"r\0\0\0\x20" + RANDOM,
        )
    )
    digest = blake3(message, derive_key_context=TOKEN_CONTEXT).digest()
    assert make(id=42, public_key=KEY) == "gws_" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def shown(one: dict[str, Any]) -> dict[str, Any]:
    """The parts as they are hashed: an id counts by its text."""
    return {**one, "id": None if one["id"] is None else str(one["id"])}


@given(parts, parts)
def test_different_parts_make_different_tokens(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (make(**one) == make(**other)) is (shown(one) == shown(other))


@given(parts, st.sampled_from(["kind", "id", "public_key", "at", "random32"]), parts)
def test_each_part_alone_changes_the_token(one: dict[str, Any], name: str, other: dict[str, Any]) -> None:
    changed = {**one, name: other[name]}
    assert (make(**one) == make(**changed)) is (shown(one) == shown(changed))


def test_a_part_that_is_absent_is_not_one_that_is_empty() -> None:
    tokens = {make(), make(id=""), make(public_key=b""), make(id="", public_key=b""), make(id=0)}
    assert len(tokens) == 5


def test_parts_cannot_be_shifted_into_each_other() -> None:
    assert make(id="ab", public_key=b"c") != make(id="a", public_key=b"bc")


def test_the_same_instant_in_another_zone_is_the_same_time() -> None:
    assert make(at=NOON.astimezone(timezone(timedelta(hours=5)))) == make()


def test_a_microsecond_is_another_time() -> None:
    assert make(at=NOON + timedelta(microseconds=1)) != make()


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValidationError, match="time zone"):
        make(at=datetime(2026, 3, 1, 12))  # noqa: DTZ001 - the mistake itself


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_anything_but_32_random_bytes_is_refused(length: int) -> None:
    with pytest.raises(ValidationError, match="32 random bytes"):
        make(random32=bytes(length))


# --- recognising


@given(parts)
def test_the_kind_of_a_made_token_is_read_back(given_parts: dict[str, Any]) -> None:
    assert parse_kind(make(**given_parts)) is given_parts["kind"]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "gws_",
        "gws_" + "A" * 42,
        "gws_" + "A" * 44,
        "gwx_" + "A" * 43,
        "GWS_" + "A" * 43,
        "A" * 47,
        "gws-" + "A" * 43,
        "gws_" + "A" * 42 + "=",
        "gws_" + "A" * 42 + "B",  # stray bits: no 32 bytes are spelled like this
        "gws_" + "A" * 43 + "\n",
        "\ngws_" + "A" * 43,
        " gws_" + "A" * 43,
        "gws_" + "A" * 20 + "+/" + "A" * 21,
        "gws_" + "é" * 43,
        "gws_gwk_" + "A" * 39 + "\0",
        "gws_" + "\ud800" * 43,
    ],
)
def test_a_malformed_token_authenticates_nobody(token: str) -> None:
    with pytest.raises(AuthenticationError, match="not valid"):
        parse_kind(token)


@given(st.text(max_size=60))
def test_any_text_has_a_kind_or_is_refused(text: str) -> None:
    try:
        kind = parse_kind(text)
    except AuthenticationError:
        return
    assert text.startswith(kind)


def test_the_visible_prefix_is_the_kind_and_four_characters() -> None:
    assert visible_prefix("gwk_7Qm2abcdef") == "gwk_7Qm2"


# --- digests


def test_the_digest_is_blake3_keyed_with_the_pepper() -> None:
    token = make()
    assert digest_token(token, PEPPER) == blake3(token.encode(), key=PEPPER).digest()
    assert len(digest_token(token, PEPPER)) == DIGEST_BYTES


@given(parts, parts, thirty_two, thirty_two)
def test_a_digest_matches_its_token_and_pepper_only(
    one: dict[str, Any], other: dict[str, Any], pepper: bytes, other_pepper: bytes
) -> None:
    token, stranger = make(**one), make(**other)
    digest = digest_token(token, pepper)
    assert matches(token, digest, pepper)
    assert matches(stranger, digest, pepper) is (stranger == token)
    assert matches(token, digest, other_pepper) is (other_pepper == pepper)


@pytest.mark.parametrize("text", ["", "gws_", "é", "\ud800", "x" * 10_000])
def test_text_that_is_no_token_matches_nothing(text: str) -> None:
    assert matches(text, digest_token(make(), PEPPER), PEPPER) is False


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33)])
def test_a_digest_of_another_length_matches_nothing(digest: bytes) -> None:
    assert matches(make(), digest, PEPPER) is False


@pytest.mark.parametrize("pepper", [b"", b"p" * 31, b"p" * 33])
def test_a_pepper_has_32_bytes(pepper: bytes) -> None:
    with pytest.raises(ValidationError, match="32 bytes"):
        digest_token(make(), pepper)


# --- masking

TOKEN = "gwk_7Qm2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
WIREGUARD = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
MAC = "c-JsC2IXH2vNiXt1ZqduFPjpQaRvYRsvYb7fMs0gka8"


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (f"key {TOKEN} made", "key gwk_7Qm2… made"),
        (f"{TOKEN}", "gwk_7Qm2…"),
        (f"{TOKEN.replace('gwk', 'gws')},{TOKEN.replace('gwk', 'gwa')}", "gws_7Qm2…,gwa_7Qm2…"),
        (f"x{TOKEN}x", "xgwk_7Qm2…"),
        (f"cut off {TOKEN[:20]}", "cut off gwk_7Qm2…"),
        (f"peer {WIREGUARD} up", "peer hSDw… up"),
        (f"/nodes/{WIREGUARD}/", "/nodes/hSDw…/"),
        (f"PrivateKey={WIREGUARD}", "PrivateKey=hSDw…"),
        ("?key=hSDwCYkwp1R0i33ctD73Wg2%2fOg0mOBr066SpjqqbTmo%3D&a=1", "?key=hSDw…&a=1"),
        (f"private_key={'ab' * 32}\nlisten_port=1", "private_key=abab…\nlisten_port=1"),
        (f"GhostWire-Proof: 1234567.89:{MAC}", "GhostWire-Proof: 1234…"),
        (f"ghostwire-proof:1234567.89:{MAC}", "ghostwire-proof:1234…"),
        (f"{{'GhostWire-Proof': '12:{MAC}'}}", "{'GhostWire-Proof': '12…'}"),
        (f"(b'ghostwire-proof', b'123456:{MAC}')", "(b'ghostwire-proof', b'1234…')"),
        (f"'HTTP_GHOSTWIRE_PROOF': '123456:{MAC}'", "'HTTP_GHOSTWIRE_PROOF': '1234…'"),
        (f"mac {MAC} differs", "mac c-Js… differs"),
        ("Authorization: Bearer eyJhbGciOi.abc/d+e~f==", "Authorization: Bearer eyJh…"),
        ("authorization: bearer   secretsecret", "authorization: bearer   secr…"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer gwk_7Qm2…"),
        (f"Bearer%20{TOKEN}", "Bearer%20gwk_7Qm2…"),
        (f"[(b'authorization', b'Bearer {TOKEN}')]", "[(b'authorization', b'Bearer gwk_7Qm2…')]"),
    ],
)
def test_secrets_are_masked(line: str, masked: str) -> None:
    assert mask(line) == masked


@pytest.mark.parametrize(
    "line",
    [
        "",
        "node 42 web-1 at 10.1.0.2 and [fd00::2]:51820 joined",
        "gwk_7Qm2… used up",
        "the proof of possession was not accepted",
        "GhostWire-Proof is missing",
        "a_function_of_three_and_forty_characters_aa",
        "request 0f8fad5b-d9cb-469f-a165-70867728950e",
        "fingerprint gkyr-sis6-puau-r65j",
        "Größe 5 …",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert mask(line) == line


edges = st.text(max_size=12) | st.sampled_from([" ", "/", "=", '"', "'", ":", "\\n", "key=", "Bearer ", "gwk_", "(b'"])
secrets = st.one_of(
    parts.map(lambda given_parts: make(**given_parts)),
    thirty_two.map(lambda key: base64.b64encode(key).decode()),
)


@given(edges, secrets, edges, secrets, edges)
def test_no_secret_survives_whatever_stands_beside_it(
    before: str, one: str, between: str, other: str, after: str
) -> None:
    line = mask(before + one + between + other + after)
    # 12 of the random characters would already be 72 bits; what stays visible is less.
    for secret in (one, other):
        assert not any(secret[start : start + 12] in line for start in range(len(secret) - 12))


@given(st.text(max_size=80))
def test_text_without_secrets_is_not_touched(text: str) -> None:
    if not any(mark in text.lower() for mark in ("gw", "bearer", "proof")) and len(text) < 43:
        assert mask(text) == text


@given(edges, secrets, edges)
def test_masking_twice_changes_nothing_more(before: str, secret: str, after: str) -> None:
    once = mask(f"{before} {secret} {after}")
    assert mask(once) == once
