"""Names: every hostname becomes a DNS label, and every label a free one."""

from __future__ import annotations

import re
import string
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import ValidationError
from mesh.names import (
    MAX_DOMAIN,
    RESERVED,
    fqdn,
    label_of,
    unique_label,
    validate_domain,
    validate_hostname,
    validate_label,
)

LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")

plain_labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
xn_labels = st.from_regex(r"xn--[a-z0-9-]{0,58}[a-z0-9]", fullmatch=True)
hostnames = st.one_of(
    st.text(max_size=80),
    st.text("абвгдеёжз日本語한국हिन्दी -_.'1a", max_size=80),
    st.text(string.ascii_letters + string.digits + "-._ ", max_size=300),
    plain_labels,
    xn_labels,
)


# --- from hostname to label


@pytest.mark.parametrize(
    ("hostname", "label"),
    [
        ("web", "web"),
        ("WEB", "web"),
        ("web.corp.example", "web"),
        ("web.", "web"),
        ("web。example", "web"),
        ("web．example", "web"),
        ("192-168-1-5", "192-168-1-5"),
        ("Anna's MacBook Pro.local", "annas-macbook-pro"),
        ("Anna’s MacBook Pro", "annas-macbook-pro"),
        ("my_laptop", "my-laptop"),
        ("my__laptop--", "my-laptop"),
        ("a--b", "a--b"),
        ("foo - bar", "foo-bar"),
        ("-web-", "web"),
        ("  web  ", "web"),
        ("web\x00\n", "web"),
        ("Büro", "buro"),
        ("Bu\u0308ro", "buro"),
        ("Straße", "strasse"),
        ("ŁÓDŹ", "lodz"),
        ("Smørrebrød", "smorrebrod"),
        ("İstanbul", "istanbul"),
        ("ﬃce", "ffice"),
        ("web①", "web1"),
        ("💻web", "web"),
        ("сервер", "xn--b1afb6bcb"),
        ("Сервер.example", "xn--b1afb6bcb"),
        ("сервер 01", "xn---01-eddob9ece"),
        ("日本", "xn--wgv71a"),
        ("xn--bcher-kva", "xn--bcher-kva"),
        ("x" * 64, "x" * 63),
        ("x" * 62 + "-y", "x" * 62),
        ("Ω" * 80, "node"),
        ("", "node"),
        (".", "node"),
        (".example", "node"),
        ("-_-", "node"),
        ("???", "node"),
        ("\ud800", "node"),
    ],
)
def test_a_hostname_becomes_a_label(hostname: str, label: str) -> None:
    assert label_of(hostname) == label


@given(hostnames)
def test_every_hostname_becomes_a_label(hostname: str) -> None:
    assert LABEL.fullmatch(label_of(hostname))


@given(hostnames)
def test_a_label_becomes_itself(hostname: str) -> None:
    assert label_of(label_of(hostname)) == label_of(hostname)


@given(plain_labels)
def test_a_hostname_that_is_a_label_stays(label: str) -> None:
    assert label_of(label) == label


# --- unique


@pytest.mark.parametrize(
    ("base", "taken", "label"),
    [
        ("web", set(), "web"),
        ("web", {"web"}, "web-1"),
        ("web", {"web", "web-1", "web-2"}, "web-3"),
        ("web", {"web", "web-2"}, "web-1"),
        ("web", {"web-1"}, "web"),
        ("web-1", {"web-1"}, "web-1-1"),
        ("x" * 63, {"x" * 63}, "x" * 61 + "-1"),
        ("x" * 60 + "-yz", {"x" * 60 + "-yz"}, "x" * 60 + "-1"),
        ("xn--b1afb6bcb", {"xn--b1afb6bcb"}, "xn---1-dlclb8dcd"),
        ("xn--99999999", {"xn--99999999"}, "xn--99999999-1"),
    ],
)
def test_the_lowest_free_label_is_taken(base: str, taken: set[str], label: str) -> None:
    assert unique_label(base, taken) == label


def test_the_number_of_an_international_name_belongs_to_the_name() -> None:
    assert unique_label("xn--b1afb6bcb", {"xn--b1afb6bcb"}) == "сервер-1".encode("idna").decode()


def test_taken_can_be_a_question() -> None:
    assert unique_label("web", lambda label: label in {"web", "web-1"}) == "web-2"


def test_long_names_keep_their_length_with_long_numbers() -> None:
    base = "x" * 63
    taken = {base, *("x" * (63 - len(f"-{number}")) + f"-{number}" for number in range(1, 1000))}
    assert unique_label(base, taken) == "x" * 58 + "-1000"


@given(st.lists(hostnames, max_size=8).map(lambda names: names * 2))
def test_names_given_in_turn_are_all_different_labels(reported: list[str]) -> None:
    taken: set[str] = set()
    for hostname in reported:
        label = unique_label(label_of(hostname), taken)
        assert LABEL.fullmatch(label)
        assert label not in taken
        taken.add(label)


@given(st.text(string.ascii_lowercase, min_size=1, max_size=8), st.sets(st.integers(0, 30)))
def test_no_lower_number_is_free(base: str, numbers: set[int]) -> None:
    taken = {base if number == 0 else f"{base}-{number}" for number in numbers}
    lowest = next(number for number in count() if number not in numbers)
    assert unique_label(base, taken) == (base if lowest == 0 else f"{base}-{lowest}")


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_names_are_labels_in_normal_form(name: str) -> None:
    assert validate_label(name) == name


@pytest.mark.parametrize("name", ["localhost", "ip6-localhost", "wpad", "portal"])
def test_names_with_a_meaning_of_their_own_are_reserved(name: str) -> None:
    assert name in RESERVED


# --- what people choose


@pytest.mark.parametrize(("name", "label"), [("web", "web"), ("Web-1", "web-1"), ("7", "7"), ("x" * 63, "x" * 63)])
def test_a_chosen_name_is_taken_in_lower_case(name: str, label: str) -> None:
    assert validate_label(name) == label


@pytest.mark.parametrize(
    "name",
    ["", "-web", "web-", "-", "web.corp", "my_laptop", "web ", " web", "web\n", "büro", "x" * 64, "\u212aeb", "we\0b"],
)
def test_a_chosen_name_that_is_no_label_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        validate_label(name)


@given(st.text(max_size=70))
def test_what_is_taken_is_a_label(name: str) -> None:
    try:
        label = validate_label(name)
    except ValidationError:
        return
    assert LABEL.fullmatch(label)


# --- domains


@pytest.mark.parametrize(
    ("domain", "normal"),
    [
        ("mycompany.ghost", "mycompany.ghost"),
        ("MyCompany.Ghost.", "mycompany.ghost"),
        ("ghost", "ghost"),
        ("a.b.c.d", "a.b.c.d"),
        ("1.ghost", "1.ghost"),
        ("xn--bcher-kva.ghost", "xn--bcher-kva.ghost"),
        (".".join(["x" * 62] * 3), ".".join(["x" * 62] * 3)),
    ],
)
def test_a_domain_is_taken_in_lower_case_without_a_dot_at_its_end(domain: str, normal: str) -> None:
    assert validate_domain(domain) == normal


@pytest.mark.parametrize(
    "domain",
    [
        "",
        ".",
        "..",
        "ghost..",
        ".ghost",
        "my..ghost",
        "my_company.ghost",
        "-my.ghost",
        "my-.ghost",
        "my company.ghost",
        "ghost\n",
        "büro.ghost",
        "\u212a.ghost",
        "10.1.0.1",
        "x" * 64 + ".ghost",
        "x." * 94 + "xx",
    ],
)
def test_what_is_no_domain_is_refused(domain: str) -> None:
    with pytest.raises(ValidationError):
        validate_domain(domain)


def test_every_label_fits_before_the_longest_domain() -> None:
    domain = validate_domain("x." * 94 + "x")
    assert len(domain) == MAX_DOMAIN
    assert len(fqdn("y" * 63, domain)) == 253


def test_the_full_name_is_label_and_domain() -> None:
    assert fqdn("web", "mycompany.ghost") == "web.mycompany.ghost"


# --- reported hostnames


@pytest.mark.parametrize("hostname", ["web", "web.corp.example", "Anna’s MacBook", "сервер", "日本", "💻", "x" * 253])
def test_a_hostname_is_kept_as_it_is(hostname: str) -> None:
    assert validate_hostname(hostname) == hostname


def test_blanks_around_a_hostname_are_dropped() -> None:
    assert validate_hostname("  web  ") == "web"


@pytest.mark.parametrize(
    "hostname",
    ["", "   ", "x" * 254, "web\n", "\tweb", "we\0b", "web\x7f", "web\x1b[31m", "web\x85", "\u202eweb", "web\u2028",
     "web\u200b", "\ud800"],
)  # fmt: skip
def test_a_hostname_that_would_garble_a_list_is_refused(hostname: str) -> None:
    with pytest.raises(ValidationError):
        validate_hostname(hostname)
