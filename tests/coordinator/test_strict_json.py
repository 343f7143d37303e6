"""One meaning a text, or an error."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.strict_json import MAX_LEVELS, StrictJSONParser, parse_strict
from mesh.errors import ValidationError


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


REFUSED = {
    "no JSON": b"{",
    "nothing": b"",
    "a comma at the end": b"[1,]",
    "two values": b"1 2",
    "a member twice": b'{"a":1,"a":2}',
    "a member twice, once escaped": b'{"a":1,"\\u0061":2}',
    "a member twice, deep inside": b'{"x":[{"a":1,"a":1}]}',
    "NUL in a text": b'"a\\u0000b"',
    "NUL in a name": b'{"\\u0000":1}',
    "NUL as it is": b'"a\x00b"',
    "half a pair": b'"\\ud83d"',
    "the other half": b'"\\ude00"',
    "half a pair in a name": b'{"\\udfff":1}',
    "halves in the wrong order": b'"\\ude00\\ud83d"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "Latin-1": b'"\xe4"',
    "UTF-16": '"a"'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "NaN": b"[NaN]",
    "Infinity": b"-Infinity",
    "a number that becomes infinite": b'{"posture":{"a":1e999}}',
    "a negative one": b"-1e999",
    "an integer of 16 digits": b"1234567890123456",
    "33 levels": nested(MAX_LEVELS + 1),
    "33 levels, never closed": b"[" * (MAX_LEVELS + 1),
    "33 levels of two kinds": b'{"a":[' * 16 + b"[" + b"]" * 17,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_refuses(body: bytes) -> None:
    with pytest.raises(ValidationError):
        parse_strict(body)


TAKEN = {
    "32 levels": nested(MAX_LEVELS),
    "brackets in texts are no levels": json.dumps(["[" * 100, '"' + "{" * 100]).encode(),
    "a whole pair": b'"\\ud83d\\ude00"',
    "15 digits": b"[999999999999999,-999999999999999]",
    "no object": b"null",
}


@pytest.mark.parametrize("body", TAKEN.values(), ids=TAKEN.keys())
def test_takes(body: bytes) -> None:
    assert parse_strict(body) == json.loads(body)


def test_the_error_of_a_long_name_is_short() -> None:
    name = "a" * 5000
    with pytest.raises(ValidationError) as error:
        parse_strict(f'{{"{name}":1,"{name}":1}}'.encode())
    assert len(error.value.detail) < 200


def test_depth_beyond_any_stack_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ValidationError, match="levels"):
        parse_strict(b"[" * 60_000)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15) + 1, 10**15 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab{["\\', max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(values, st.booleans())
def test_whatever_a_serializer_writes_reads_as_itself(value: object, ascii_only: bool) -> None:
    assert parse_strict(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=40))
def test_never_raises_anything_else(body: bytes) -> None:
    try:
        parse_strict(body)
    except ValidationError as error:
        assert error.detail


def test_the_charset_of_the_header_does_not_matter() -> None:
    # DRF's own parser would decode with any codec that the header names, zlib included.
    assert StrictJSONParser().parse(BytesIO(b'{"a":1}'), "application/json; charset=zlib_codec") == {"a": 1}
