"""What is answered in front of Django, and what is left to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ghostwire_site.edge import App, Receive, Scope, Send
from ghostwire_site.edge.front import Front, is_our_host
from ghostwire_site.edge.headers import api_headers

PATH = "/api/v1/heartbeat"


def answered_by(front: Front, **scope: Any) -> str:
    given = {"method": "POST", "path": PATH, "scheme": "http", "headers": [(b"host", b"vpn.example.com:8443")]} | scope
    asyncio.run(front(given, None, None))  # type: ignore[arg-type]
    return str(given["answered"])


def named(name: str) -> App:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        scope["answered"] = name

    return application


@pytest.fixture
def front(settings: Any) -> Front:
    is_our_host.cache_clear()
    settings.ALLOWED_HOSTS = ["vpn.example.com", "127.0.0.1"]
    return Front(named("django"), path=PATH, answer=named("front"))


@pytest.mark.parametrize(
    ("scope", "by"),
    [
        ({}, "front"),
        ({"method": "GET"}, "django"),
        ({"path": PATH + "/"}, "django"),
        ({"path": "/api/v1/endpoints"}, "django"),
        ({"headers": [(b"host", b"evil.example")]}, "django"),
        ({"headers": [(b"host", b"vpn.example.com"), (b"host", b"vpn.example.com")]}, "django"),
        ({"headers": [(b"host", b"")]}, "django"),
        ({"headers": [], "server": ("127.0.0.1", 8080)}, "front"),
        ({"headers": [], "server": None}, "django"),
    ],
)
def test_who_answers(front: Front, scope: dict[str, Any], by: str) -> None:
    assert answered_by(front, **scope) == by


def test_where_there_has_to_be_https_http_is_djangos_to_redirect(settings: Any) -> None:
    is_our_host.cache_clear()
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["vpn.example.com"], True
    front = Front(named("django"), path=PATH, answer=named("front"))
    assert answered_by(front) == "django"
    assert answered_by(front, scheme="https") == "front"


def test_the_headers_are_those_of_the_middleware(settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 77
    headers = dict(api_headers(PATH))
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"x-frame-options"] == b"DENY"
    assert headers[b"strict-transport-security"].startswith(b"max-age=77")
    assert b"default-src 'none'" in headers[b"content-security-policy"]
    assert b"content-type" not in headers
