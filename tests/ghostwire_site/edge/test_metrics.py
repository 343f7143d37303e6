"""Who may read /metrics: those alone whom the configuration names, and never by way of a proxy without the token."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from ghostwire_site.config.model import Metrics
from ghostwire_site.edge import Receive, Scope, Send
from ghostwire_site.edge.metrics import MetricsEndpoint
from tests.front import run_at_once

TOKEN = "a-token-of-16-chars"
LOOPBACK = Metrics()
WITH_TOKEN = Metrics(token=TOKEN)
ELSEWHERE = Metrics(allow=(ip_network("192.0.2.0/24"),))
NOBODY = Metrics(allow=())


def ask(
    access: Metrics, *headers: tuple[str, str], client: tuple[str, int] | None = ("127.0.0.1", 4711), **scope: Any
) -> tuple[int, dict[str, str], bytes]:
    sent: list[dict[str, Any]] = []

    async def passed_on(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> dict[str, Any]:
        raise AssertionError("a body is not read")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers]
    given = {"type": "http", "method": "GET", "path": "/metrics", "headers": raw, "client": client} | scope
    run_at_once(MetricsEndpoint(passed_on, lambda: access)(given, receive, send))
    fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], fields, sent[1]["body"]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def inline(function: Any, *args: Any) -> Any:
        return b"# metrics"

    monkeypatch.setattr("ghostwire_site.edge.metrics.in_thread", inline)


@pytest.mark.parametrize(
    ("access", "client", "status"),
    [
        (LOOPBACK, ("127.0.0.1", 1), 200),
        (LOOPBACK, ("127.8.9.1", 1), 200),
        (LOOPBACK, ("::1", 1), 200),
        (LOOPBACK, ("::ffff:127.0.0.1", 1), 200),
        (LOOPBACK, ("192.0.2.7", 1), 403),
        (LOOPBACK, ("::ffff:192.0.2.7", 1), 403),
        (LOOPBACK, ("fe80::1%eth0", 1), 403),
        (LOOPBACK, ("", 1), 403),
        (LOOPBACK, None, 403),
        (ELSEWHERE, ("192.0.2.7", 1), 200),
        (ELSEWHERE, ("127.0.0.1", 1), 403),
        (NOBODY, ("127.0.0.1", 1), 403),
        (WITH_TOKEN, ("127.0.0.1", 1), 200),
        (WITH_TOKEN, ("192.0.2.7", 1), 401),
    ],
)
def test_by_the_address_of_the_connection(access: Metrics, client: tuple[str, int] | None, status: int) -> None:
    assert ask(access, client=client)[0] == status


@pytest.mark.parametrize(
    "header",
    [
        ("x-forwarded-for", "203.0.113.5"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "vpn.example.com"),
        ("x-real-ip", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
        ("via", "1.1 proxy"),
    ],
)
def test_what_a_proxy_passed_on_is_never_local(header: tuple[str, str]) -> None:
    assert ask(LOOPBACK, header)[0] == 403


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer ", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
    ],
)
def test_by_the_token_from_anywhere(authorization: str, status: int) -> None:
    headers = ("authorization", authorization), ("x-forwarded-for", "203.0.113.5")
    assert ask(WITH_TOKEN, *headers, client=("192.0.2.7", 1))[0] == status


def test_no_token_is_no_empty_token() -> None:
    assert ask(NOBODY, ("authorization", "Bearer "))[0] == 403
    assert ask(NOBODY, ("authorization", "Bearer None"))[0] == 403


def test_a_refusal_is_a_problem() -> None:
    status, fields, body = ask(WITH_TOKEN, client=("192.0.2.7", 1))
    assert (status, fields["content-type"]) == (401, "application/problem+json")
    assert fields["www-authenticate"] == "Bearer"
    assert b"authentication" in body


def test_the_answer_is_not_kept_anywhere() -> None:
    _, fields, body = ask(LOOPBACK)
    assert (fields["cache-control"], body) == ("no-store", b"# metrics")
    assert fields["content-type"].startswith("text/plain")
    assert ask(LOOPBACK, method="HEAD")[2] == b""


def test_prometheus_may_choose_the_format() -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    assert ask(LOOPBACK, ("accept", accept))[1]["content-type"].startswith("application/openmetrics-text")


@pytest.mark.parametrize("scope", [{"path": "/"}, {"path": "/metrics/"}, {"type": "websocket"}])
def test_all_else_is_passed_on(scope: dict[str, Any]) -> None:
    assert ask(LOOPBACK, **scope)[0] == 299


def test_nothing_is_written_there() -> None:
    assert ask(LOOPBACK, method="POST")[0] == 404
