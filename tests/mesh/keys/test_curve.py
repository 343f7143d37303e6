"""X25519 against RFC 7748, and which keys may stand for a node."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh import keys
from mesh.errors import ValidationError
from tests.mesh.vectors import load_vectors

thirty_two = st.binary(min_size=32, max_size=32)


def pair(seed: int) -> tuple[bytes, bytes]:
    private = keys.generate_private_key(blake3(seed.to_bytes(8, "big")).digest())
    return private, keys.public_key_of(private)


@pytest.fixture(scope="module")
def curve() -> Any:
    return load_vectors("x25519_blake3.json")


# --- public keys


@pytest.mark.parametrize("group", ["canonical", "noncanonical_u_ge_p", "bit255_set"])
def test_low_order_points_are_refused_in_every_spelling(curve: Any, group: str) -> None:
    for point in curve["x25519_low_order_rfc7748"][group]:
        with pytest.raises(ValidationError):
            keys.validate_public_key(bytes.fromhex(point))


def test_other_spellings_of_a_number_are_refused(curve: Any) -> None:
    for point in curve["x25519_low_order_rfc7748"]["djb_256bit_only_noncanonical_not_low_order_after_masking"]:
        with pytest.raises(ValidationError, match="canonical"):
            keys.validate_public_key(bytes.fromhex(point))


def test_the_low_order_points_are_the_five_of_the_vectors(curve: Any) -> None:
    canonical = {bytes.fromhex(point) for point in curve["x25519_low_order_rfc7748"]["canonical"]}
    assert canonical == keys.LOW_ORDER_POINTS


def test_each_low_order_point_would_give_an_all_zero_secret() -> None:
    private, _ = pair(1)
    for point in keys.LOW_ORDER_POINTS:
        with pytest.raises(ValidationError, match="all zero"):
            keys.compute_shared_secret(private, point)


def test_a_key_with_bit_255_set_is_refused(curve: Any) -> None:
    with pytest.raises(ValidationError, match="canonical"):
        keys.validate_public_key(bytes.fromhex(curve["rfc7748_5_2"][1]["u"]))


@pytest.mark.parametrize("offset", [0, 1, 18])
def test_numbers_from_the_prime_up_are_refused(offset: int) -> None:
    with pytest.raises(ValidationError, match="canonical"):
        keys.validate_public_key((keys.FIELD_PRIME + offset).to_bytes(32, "little"))


@pytest.mark.parametrize("number", [2, 9, 2**255 - 19 - 2])
def test_canonical_numbers_that_keep_secrets_are_taken(number: int) -> None:
    key = number.to_bytes(32, "little")
    assert keys.validate_public_key(key) == key


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_public_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValidationError, match=f"not {length}"):
        keys.validate_public_key(b"\x09" * length)


# --- spelling


@given(thirty_two)
def test_encoding_and_decoding_a_private_key_gives_it_back(key: bytes) -> None:
    assert keys.decode_private_key(keys.encode_key(key)) == key


def test_a_public_key_is_read_from_its_spelling() -> None:
    _, public = pair(2)
    assert keys.decode_public_key(base64.b64encode(public).decode()) == public


def test_a_well_spelled_low_order_point_is_refused() -> None:
    with pytest.raises(ValidationError, match="low-order"):
        keys.decode_public_key(base64.b64encode(bytes(32)).decode())


GOOD = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        GOOD[:-1],  # no padding
        GOOD + "=",
        GOOD + GOOD,
        GOOD + "\n",
        " " + GOOD,
        GOOD[:20] + "\n" + GOOD[20:],
        GOOD.replace("/", "_"),  # the URL alphabet
        GOOD[:-2] + "p=",  # stray bits in the last character
        GOOD[:-2] + "n=",
        GOOD[:-1] + "＝",
        "é" * 44,
        "\ud800" + GOOD[1:],
        bytes.fromhex("11" * 32).hex(),
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(33)).decode(),
    ],
)
def test_a_key_has_one_spelling(text: str) -> None:
    with pytest.raises(ValidationError, match="44 characters"):
        keys.decode_public_key(text)


@given(st.text(max_size=60))
def test_any_text_is_a_key_or_a_validation_error(text: str) -> None:
    try:
        key = keys.decode_public_key(text)
    except ValidationError:
        return
    assert keys.encode_key(key) == text


def test_encoding_wants_32_bytes() -> None:
    with pytest.raises(ValidationError):
        keys.encode_key(b"short")


# --- making and using keys


@given(thirty_two)
def test_a_made_private_key_is_clamped(random_bytes: bytes) -> None:
    scalar = int.from_bytes(keys.generate_private_key(random_bytes), "little")
    assert scalar % 8 == 0
    assert scalar.bit_length() == 255


@given(thirty_two)
@settings(max_examples=50)
def test_clamping_does_not_change_the_public_key(random_bytes: bytes) -> None:
    assert keys.public_key_of(random_bytes) == keys.public_key_of(keys.generate_private_key(random_bytes))


def test_clamping_is_that_of_the_rfc(curve: Any) -> None:
    vector = curve["rfc7748_6_1"]
    assert keys.generate_private_key(bytes.fromhex(vector["a"])).hex() == vector["a_clamped"]


@pytest.mark.parametrize("call", [keys.generate_private_key, keys.public_key_of])
def test_a_private_key_has_32_bytes(call: Any) -> None:
    with pytest.raises(ValidationError, match="not 31"):
        call(bytes(31))


def test_public_keys_are_those_of_the_rfc(curve: Any) -> None:
    vector = curve["rfc7748_6_1"]
    assert keys.public_key_of(bytes.fromhex(vector["a"])).hex() == vector["A"]
    assert keys.public_key_of(bytes.fromhex(vector["b"])).hex() == vector["B"]


def test_shared_secrets_are_those_of_the_rfc(curve: Any) -> None:
    vector = curve["rfc7748_6_1"]
    mine = keys.compute_shared_secret(bytes.fromhex(vector["a"]), bytes.fromhex(vector["B"]))
    assert mine.hex() == vector["K"]
    assert mine == keys.compute_shared_secret(bytes.fromhex(vector["b"]), bytes.fromhex(vector["A"]))


@pytest.mark.parametrize("index", [0, 1])
def test_scalar_multiplication_is_that_of_the_rfc(curve: Any, index: int) -> None:
    vector = curve["rfc7748_5_2"][index]
    assert keys.compute_shared_secret(bytes.fromhex(vector["k"]), bytes.fromhex(vector["u"])).hex() == vector["out"]


def test_a_thousand_rounds_are_those_of_the_rfc(curve: Any) -> None:
    k = u = (9).to_bytes(32, "little")
    for round_number in range(1, 1001):
        k, u = keys.compute_shared_secret(k, u), k
        if round_number in (1, 1000):
            assert k.hex() == curve["rfc7748_iter"][str(round_number)]


@pytest.mark.parametrize(("private", "public"), [(bytes(31), bytes(32)), (bytes(32), bytes(33))])
def test_a_secret_is_computed_from_32_bytes_each(private: bytes, public: bytes) -> None:
    with pytest.raises(ValidationError, match="32 bytes"):
        keys.compute_shared_secret(private, public)


@given(thirty_two, thirty_two)
@settings(max_examples=50)
def test_both_sides_compute_one_secret(a: bytes, b: bytes) -> None:
    assert keys.compute_shared_secret(a, keys.public_key_of(b)) == keys.compute_shared_secret(b, keys.public_key_of(a))


@pytest.mark.parametrize(
    ("a", "b", "same"), [(b"ab", b"ab", True), (b"ab", b"ac", False), (b"ab", b"abc", False), (b"", b"", True)]
)
def test_comparison(a: bytes, b: bytes, same: bool) -> None:
    assert keys.constant_time_compare(a, b) is same


def test_a_fingerprint_is_short_and_fixed() -> None:
    assert keys.fingerprint(bytes([1] * 32)) == "gkyr-sis6-puau-r65j"


@given(thirty_two, thirty_two)
def test_different_keys_have_different_fingerprints(a: bytes, b: bytes) -> None:
    assert (keys.fingerprint(a) == keys.fingerprint(b)) is (a == b)


# --- the hash beneath


@pytest.mark.parametrize("length", [0, 1, 1024, 1025])
def test_blake3_is_that_of_its_published_vectors(curve: Any, length: int) -> None:
    data = bytes(index % 251 for index in range(length))
    vectors = curve["blake3"]
    assert blake3(data).hexdigest() == vectors["hash"][str(length)]
    if str(length) in vectors["keyed"]:
        assert blake3(data, key=vectors["key"].encode()).hexdigest() == vectors["keyed"][str(length)]
    if str(length) in vectors["derive_key"]:
        assert blake3(data, derive_key_context=vectors["context"]).hexdigest() == vectors["derive_key"][str(length)]
