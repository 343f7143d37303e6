"""Where the portal is, and whether it may be spoken to in the clear."""

from __future__ import annotations

import pytest

from agent.errors import UsageError
from agent.origin import parse_server, socket_url


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Portal.Example:443/", "https://portal.example"),
        ("portal.example", "https://portal.example"),
        ("portal.example:8443", "https://portal.example:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.8.9.1:8080/", "http://127.8.9.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_one_spelling(text: str, origin: str) -> None:
    assert parse_server(text, insecure_http=False) == origin


@pytest.mark.parametrize("text", ["http://192.0.2.1:8080", "http://portal.example", "http://localhost.example"])
def test_http_to_another_machine_needs_leave(text: str) -> None:
    with pytest.raises(UsageError, match="--insecure-http"):
        parse_server(text, insecure_http=False)
    assert parse_server(text, insecure_http=True) == text


@pytest.mark.parametrize("text", ["ftp://portal.example", "https://a@portal.example", "https://portal.example/x", ""])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--server"):
        parse_server(text, insecure_http=True)


def test_the_socket_is_as_encrypted_as_the_rest() -> None:
    assert socket_url("https://portal.example:8443") == "wss://portal.example:8443/ws/v1/agent"
    assert socket_url("http://[::1]:80") == "ws://[::1]:80/ws/v1/agent"
