"""One spelling of a portal's origin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh import keys
from mesh.errors import ValidationError


@pytest.mark.parametrize(
    ("origin", "normal"),
    [
        ("https://portal.example", "https://portal.example"),
        ("https://portal.example/", "https://portal.example"),
        ("HTTPS://Portal.EXAMPLE:443/", "https://portal.example"),
        ("http://portal.example:80", "http://portal.example"),
        ("http://portal.example:443", "http://portal.example:443"),
        ("https://portal.example:80", "https://portal.example:80"),
        ("https://portal.example:08443", "https://portal.example:8443"),
        ("https://portal.example:", "https://portal.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("https://[2001:DB8:0:0::1]:8443/", "https://[2001:db8::1]:8443"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://my_portal.lan", "https://my_portal.lan"),
    ],
)
def test_an_origin_has_one_spelling(origin: str, normal: str) -> None:
    assert keys.normalise_audience(origin) == normal


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "portal.example",
        "//portal.example",
        "ftp://portal.example",
        "https://",
        "https://:8443",
        "https:///path",
        "https://portal.example/path",
        "https://portal.example//",
        "https://portal.example?",
        "https://portal.example/?a=b",
        "https://portal.example#",
        "https://user:secret@portal.example",
        "https://@portal.example",
        "https://portal.example:0",
        "https://portal.example:65536",
        "https://portal.example:+443",
        "https://portal.example:port",
        "https://bücher.example",
        "https://portal example",
        " https://portal.example",
        "https://portal.example\n",
        "https://portal\t.example",
        "https:\\\\portal.example",
        "https://-portal.example",
        "https://portal.example-",
        "https://por%74al.example",
        "https://[::1",
        "https://::1",
        "https://[::1]x",
        "https://x[::1]",
        "https://[::g]",
        "https://[1.2.3.4]",
        "https://[fe80::1%25eth0]",
    ],
)
def test_what_is_not_an_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError, match="not the origin of a portal"):
        keys.normalise_audience(origin)


def test_a_password_in_an_origin_does_not_come_back_in_the_error() -> None:
    with pytest.raises(ValidationError) as caught:
        keys.normalise_audience("https://user:secret@portal.example")
    assert "secret" not in caught.value.detail


@given(st.one_of(st.text(max_size=40), st.text("htps:/[]@#?.:%-_0189aAzZ", max_size=40).map("https://".__add__)))
def test_normalising_is_idempotent_or_an_error(origin: str) -> None:
    try:
        normal = keys.normalise_audience(origin)
    except ValidationError:
        return
    assert keys.normalise_audience(normal) == normal
