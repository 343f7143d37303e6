"""HuJSON, read strictly and with places."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.hujson import MAX_BYTES, MAX_DEPTH, HuJsonError, format_value, parse

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=5), inner, max_size=4),
    ),
    max_leaves=12,
)


def place(text: str | bytes) -> tuple[int, int]:
    with pytest.raises(HuJsonError) as caught:
        parse(text)
    assert caught.value.detail.startswith(f"line {caught.value.line}, column {caught.value.column}: ")
    return caught.value.line, caught.value.column


@given(VALUES)
def test_json_is_read_as_json(value: object) -> None:
    assert parse(json.dumps(value)).root.plain() == value
    assert parse(json.dumps(value, ensure_ascii=False, indent=1).encode()).root.plain() == value


@given(VALUES)
def test_what_is_written_reads_back(value: object) -> None:
    assert parse(format_value(value)).root.plain() == value


def test_comments_and_trailing_commas_mean_nothing() -> None:
    text = '// a\n/* b\n*/{ /**/ "a" /* : */ : [1, 2, /* 3 */ ], // "b": 1\n "c": {"d": 4,},\n} // end'
    assert parse(text).root.plain() == {"a": [1, 2], "c": {"d": 4}}


def test_comment_signs_in_texts_are_text() -> None:
    assert parse('["// no", "/* no */"]').root.plain() == ["// no", "/* no */"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (1, 1)),
        ("{", (1, 2)),
        ("[1", (1, 3)),
        ("[1 2]", (1, 4)),
        ("[,]", (1, 2)),
        ("[1,,2]", (1, 4)),
        ("{,}", (1, 2)),
        ('{"a" 1}', (1, 6)),
        ('{"a":}', (1, 6)),
        ("{a: 1}", (1, 2)),
        ("{'a': 1}", (1, 2)),
        ('{"a": 1 "b": 2}', (1, 9)),
        ('{\n  "a": 1,\n  "a": 2\n}', (3, 3)),
        ('{"a": 1, "\\u0061": 2}', (1, 10)),
        ("[1] 2", (1, 5)),
        ("[01]", (1, 2)),
        ("[1.]", (1, 2)),
        ("[.5]", (1, 2)),
        ("[+1]", (1, 2)),
        ("[-]", (1, 2)),
        ("[NaN]", (1, 2)),
        ("[-Infinity]", (1, 2)),
        ("[1e999]", (1, 2)),
        ("[1234567890123456]", (1, 2)),
        ("[True]", (1, 2)),
        ("[nulls]", (1, 2)),
        ("[true_]", (1, 2)),
        ('["abc', (1, 2)),
        ('["a\nb"]', (1, 4)),
        ('["a\tb"]', (1, 4)),
        ('["\\x"]', (1, 3)),
        ('["\\', (1, 2)),
        ('["\\u12g4"]', (1, 3)),
        ('["\\u0000"]', (1, 3)),
        ('["\\ud800"]', (1, 2)),
        ('["\\udc00\\ud800"]', (1, 2)),
        ("/* never", (1, 1)),
        ("[1] /", (1, 5)),
        ("\n\n  ?", (3, 3)),
        ("é\n[é]", (1, 1)),
        ('{"é": é}', (1, 7)),
        (b'{\n"a": \xff}', (2, 6)),
    ],
)
def test_a_fault_is_told_with_line_and_column(text: str | bytes, expected: tuple[int, int]) -> None:
    assert place(text) == expected


def test_a_double_key_names_the_line_of_the_first() -> None:
    with pytest.raises(HuJsonError, match="“a” is already there, in line 2"):
        parse('{\n"a": 1,\n\n"a": 2}')


def test_escapes_mean_what_json_says() -> None:
    assert (
        parse(r'"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\uD83D"'[:-7] + '"').root.plain() == '"\\/\b\f\n\r\t\u00e9\U0001f600'
    )


def test_numbers_stay_what_they_are() -> None:
    found = parse("[0, -0, 1.5, 1e3, -2E-2, 999999999999999]").root.plain()
    assert found == [0, 0, 1.5, 1000.0, -0.02, 999_999_999_999_999]
    assert [type(item) for item in found] == [int, int, float, float, float, int]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse("\ufeff[1]").root.plain() == [1]


def test_depth_has_a_limit() -> None:
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH).root.plain()
    assert place("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)) == (1, MAX_DEPTH + 1)
    assert place("[" * 1_000_000) == (1, MAX_DEPTH + 1)


def test_size_has_a_limit_in_bytes() -> None:
    text = '"' + "é" * ((MAX_BYTES - 2) // 2) + '"'
    assert parse(text).root.plain()
    assert parse(text.encode()).root.plain()
    assert place(text + " ") == (1, 1)
    assert place((text + " ").encode()) == (1, 1)


def test_places_count_characters_of_lines() -> None:
    document = parse('{\r\n  "é": [\n\t1, "x"]}')
    assert isinstance(document.root.value, dict)
    member = document.root.value["é"]
    assert isinstance(member.value.value, list)
    assert document.place(member.offset) == (2, 3)
    assert [document.place(item.offset) for item in member.value.value] == [(3, 2), (3, 5)]


def test_writing_is_for_people() -> None:
    value = {"acls": [{"action": "accept", "src": ["*"]}], "empty": {}, "long": ["x" * 40, "y" * 40, "z" * 40]}
    assert format_value(value) == "\n".join(
        (
            "{",
            '  "acls": [{"action": "accept", "src": ["*"]}],',
            '  "empty": {},',
            '  "long": [',
            f'    "{"x" * 40}",',
            f'    "{"y" * 40}",',
            f'    "{"z" * 40}"',
            "  ]",
            "}",
        )
    )
