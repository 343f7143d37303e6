"""Selectors: read, bound, stored and shown."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import ValidationError
from mesh.policy import (
    Labels,
    Names,
    Selector,
    format_selector,
    format_stored,
    parse_prefix,
    parse_selector,
    parse_selectors,
    parse_stored,
)
from mesh.policy import selectors as s
from tests.mesh.policy.strategies import COMMON

NAMES = Names(
    {"ana@example.com": 7, "ana": 7},
    {"web": 3},
    frozenset({"ops"}),
    frozenset({"db1", "10.0.0.1", "10x"}),
    frozenset({"tag:ci"}),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", s.ANY),
        ("user:ana", s.user(7)),
        ("user:ana@example.com", s.user(7)),
        ("ana@example.com", s.user(7)),
        ("group:ops", s.group("ops")),
        ("tag:ci", s.tag("tag:ci")),
        ("node:web", s.node(3)),
        ("host:db1", s.host("db1")),
        ("db1", s.host("db1")),
        ("10x", s.host("10x")),
        (" db1 ", s.host("db1")),
        ("10.0.0.1", s.prefix(ip_network("10.0.0.1/32"))),
        ("host:10.0.0.1", s.host("10.0.0.1")),
        ("10.0.0.0/8", s.prefix(ip_network("10.0.0.0/8"))),
        ("fd00::1", s.prefix(ip_network("fd00::1/128"))),
        ("fd00::/64", s.prefix(ip_network("fd00::/64"))),
        ("autogroup:member", s.MEMBER),
        ("autogroup:members", s.MEMBER),
        ("autogroup:tagged", s.TAGGED),
        ("autogroup:self", s.SELF),
        ("autogroup:internet", s.INTERNET),
    ],
)
def test_what_people_write_is_bound(text: str, expected: Selector) -> None:
    assert parse_selector(text, NAMES) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("user:bob", "no user “bob”"),
        ("bob@example.com", "no user"),
        ("group:dev", "no group “dev”"),
        ("group:a b", "cannot be the name"),
        ("tag:prod", "no tag “prod”"),
        ("node:db", "no node “db”"),
        ("host:web", "no host “web”"),
        ("web", "write node:web"),
        ("nothing", "no selector"),
        ("autogroup:admin", "no “autogroup:admin”"),
        ("10.0.0.1/8", "did you mean 10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "not an address"),
        ("10.0.0.256", "not an address"),
        ("010.0.0.1", "not an address"),
        ("10.0.0.0/", "10.0.0.0/"),
        ("fe80::1%eth0", "zone"),
        ("::ffff:10.0.0.1", "IPv4 address"),
        ("::ffff:10.0.0.0/104", "IPv4 address"),
        ("node#3", "no selector"),
    ],
)
def test_what_means_nothing_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse_selector(text, NAMES)
    assert words in caught.value.detail


def test_the_position_of_each_bad_selector_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        parse_selectors(["*", "user:bob", "tag:ci", "tag:no"], NAMES, field_name="sources")
    assert [error.field for error in caught.value.errors] == ["sources.1", "sources.3"]


def test_doubles_drop_out_and_order_stays() -> None:
    found = parse_selectors(["tag:ci", "*", "user:ana", "ana@example.com", "tag:ci"], NAMES, field_name="sources")
    assert found == (s.tag("tag:ci"), s.ANY, s.user(7))


def test_a_list_is_neither_empty_nor_endless() -> None:
    for texts in ([], ["*"] * 1_001):
        with pytest.raises(ValidationError):
            parse_selectors(texts, NAMES, field_name="sources")
    assert parse_selectors(["*"] * 1_000, NAMES, field_name="sources") == (s.ANY,)


@given(st.one_of(COMMON, st.just(s.SELF), st.just(s.INTERNET)))
def test_the_stored_form_reads_back(selector: Selector) -> None:
    assert parse_stored(format_stored(selector)) == selector


@pytest.mark.parametrize(
    ("selector", "stored"),
    [
        (s.user(42), "user#42"),
        (s.node(17), "node#17"),
        (s.group("ops"), "group:ops"),
        (s.tag("tag:db"), "tag:db"),
        (s.host("db1"), "host:db1"),
        (s.prefix(ip_network("10.0.0.0/8")), "10.0.0.0/8"),
        (s.prefix(ip_network("10.0.0.1/32")), "10.0.0.1/32"),
        (s.ANY, "*"),
        (s.SELF, "autogroup:self"),
    ],
)
def test_the_stored_form_is_this(selector: Selector, stored: str) -> None:
    assert format_stored(selector) == stored == str(selector)


@pytest.mark.parametrize("text", ["user#", "user#x", "node#-1", "node#99999999999999999", "nonsense", "user#٣"])
def test_nothing_else_is_read_as_stored(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_stored(text)


def test_what_is_shown_can_be_written_again() -> None:
    labels = Labels({7: "ana@example.com"}, {3: "web"})
    for selector in (s.user(7), s.node(3), s.group("ops"), s.prefix(ip_network("fd00::1/128")), s.SELF):
        assert parse_selector(format_selector(selector, labels), NAMES) == selector
    assert format_selector(s.user(7), labels) == "user:ana@example.com"
    assert format_selector(s.prefix(ip_network("10.0.0.1/32")), labels) == "10.0.0.1"
    assert format_selector(s.node(99), labels) == "node#99"


def test_a_prefix_has_no_bits_beyond_its_length() -> None:
    assert parse_prefix("10.0.0.1") == ip_network("10.0.0.1/32")
    assert parse_prefix("0.0.0.0/0") == ip_network("0.0.0.0/0")
    for text in ("10.0.0.0/33", "10.0.0.1/31", "fd00::1/64", "10.0.0.0/08x", "1"):
        with pytest.raises(ValidationError):
            parse_prefix(text)
