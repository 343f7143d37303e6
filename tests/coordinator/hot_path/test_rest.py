"""The heartbeat in front of Django answers the same badness as a call behind it: status, headers and body."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson
import pytest
from django.db import OperationalError
from django.test import Client

from coordinator.hot_path.rest import MAX_BODY, PATH, HeartbeatApplication
from ghostwire_site.asgi import application
from ghostwire_site.edge.bodies import API_BODY_LIMIT
from nodes.models import Change
from sessions_app.models import User
from tests.agents import Machine
from tests.coordinator.hot_path.conftest import Current
from tests.fixtures import Join
from tests.front import call_front, respond

OTHER = "/api/v1/endpoints"
TOKEN = "Bearer gws_" + "Q" * 42 + "A"
GOOD = b'{"endpoints":["203.0.113.9:1"]}'
BAD: dict[str, tuple[bytes, dict[str, str]]] = {
    "no token": (GOOD, {"Authorization": ""}),
    "no scheme": (GOOD, {"Authorization": "gws_x"}),
    "another scheme": (GOOD, {"Authorization": "Basic YTpi"}),
    "a token that is none": (GOOD, {"Authorization": "Bearer gws_short"}),
    "an unknown token": (GOOD, {"Authorization": TOKEN}),
    "a token of another kind": (GOOD, {"Authorization": TOKEN.replace("gws_", "gwa_")}),
    "bytes in the token": (GOOD, {"Authorization": "Bearer gws_\u00e9"}),
    "no token and no JSON": (b"{", {"Authorization": ""}),
    "another media type": (GOOD, {"Content-Type": "text/plain"}),
    "no media type": (GOOD, {"Content-Type": ""}),
    "a form": (b"endpoints=1", {"Content-Type": "application/x-www-form-urlencoded"}),
    "no JSON": (b"{", {}),
    "no UTF-8": (b'{"a":"\xff"}', {}),
    "blanks": (b"  ", {}),
    "no object": (b"[]", {}),
    "a member twice": (b'{"endpoints":[],"endpoints":[]}', {}),
    "NUL": (b'{"endpoints":["\\u0000"]}', {}),
    "half a surrogate pair": (b'{"endpoints":["\\ud800"]}', {}),
    "33 levels": (b'{"endpoints":' + b"[" * 33 + b"]" * 33 + b"}", {}),
    "not a number": (b'{"endpoints":NaN}', {}),
    "sixteen digits": (b'{"endpoints":1234567890123456}', {}),
    "an endpoint of the mesh": (b'{"endpoints":["10.1.0.9:1"]}', {}),
    "a loopback endpoint": (b'{"endpoints":["127.0.0.1:1"]}', {}),
}
# Words that name the call's own members differ, and its methods.
OWN = {"detail", "errors"}


def behind(machine: Machine, body: bytes, headers: dict[str, str]) -> Any:
    """The same request to a call that Django answers."""
    fields = {"Authorization": f"Bearer {machine.token}", "Content-Type": "application/json"} | headers
    content_type = fields.pop("Content-Type")
    client = Client(raise_request_exception=False, headers={"host": "localhost"})
    return client.generic("PUT", OTHER, body, content_type=content_type, headers=fields)


def in_front(machine: Machine, body: bytes, headers: dict[str, str]) -> Any:
    fields = {"Authorization": f"Bearer {machine.token}", "Content-Type": "application/json"} | headers
    return call_front("POST", PATH, body, headers=fields)


def told(response: Any) -> dict[str, Any]:
    return {name: value for name, value in response.json().items() if name not in OWN}


def fields_of(response: Any) -> dict[str, str]:
    fields = {name.lower(): value for name, value in response.headers.items()}
    fields.pop("content-length")
    # DRF says with every answer which methods there are.
    fields.pop("allow", None)
    return fields


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("known", [True, False])
def test_the_same_badness_gets_the_same_answer(web: Machine, join: Join, ana: User, bad: str, known: bool) -> None:
    machine = web if known else join(ana, "stranger")
    body, headers = BAD[bad]
    ours, others = in_front(machine, body, headers), behind(machine, body, headers)
    assert ours.status_code in (400, 401, 415)
    assert (ours.status_code, told(ours), fields_of(ours)) == (others.status_code, told(others), fields_of(others))
    assert {item["field"] for item in ours.json().get("errors", ())} == {
        item["field"] for item in others.json().get("errors", ())
    }


def test_good_answers_carry_the_same_headers(web: Machine) -> None:
    ours, others = in_front(web, GOOD, {}), behind(web, GOOD, {})
    assert (ours.status_code, others.status_code) == (200, 200)
    assert fields_of(ours) == fields_of(others)
    assert fields_of(ours)["content-security-policy"]


def test_a_media_type_may_have_parameters(web: Machine) -> None:
    assert in_front(web, GOOD, {"Content-Type": "Application/JSON; charset=utf-8"}).status_code == 200


def test_an_empty_body_needs_no_media_type(web: Machine) -> None:
    assert in_front(web, b"", {"Content-Type": "text/plain"}).status_code == 200


def test_429_and_503_say_when_to_come_back(web: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    web.heartbeat()
    limited = web.heartbeat()
    assert (limited.status_code, limited["Retry-After"], limited.json()["code"]) == (429, "1", "throttled")

    def away(**_: Any) -> None:
        raise OperationalError("connection to db.internal failed")

    monkeypatch.setattr("coordinator.hot_path.rest.admit_node", away)
    gone = in_front(web, b"", {"Authorization": TOKEN})
    assert (gone.status_code, gone["Retry-After"], gone.json()["code"]) == (503, "5", "database")
    assert "db.internal" not in gone.content.decode()


def test_what_is_not_foreseen_is_an_internal_error(web: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("coordinator.hot_path.rest.admit_node", broken)
    response = in_front(web, b"", {"Authorization": TOKEN})
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "secret" not in response.content.decode()


def test_errors_are_logged_as_django_logs_them(web: Machine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "django.request")
    in_front(web, b"{", {})
    behind(web, b"{", {})
    ours, others = (record for record in caplog.records if record.name == "django.request")
    assert (ours.levelname, ours.getMessage()) == (others.levelname, others.getMessage().replace(OTHER, PATH))


def test_changes_name_the_caller_and_the_request(web: Machine) -> None:
    fields = {"X-Request-ID": "request-4711", "X-Forwarded-For": "198.51.100.9"}
    headers = {"Authorization": f"Bearer {web.token}", "Content-Type": "application/json", **fields}
    call_front("POST", PATH, GOOD, headers=headers, origin="127.0.0.1")
    change = Change.objects.latest("version")
    assert (change.actor, change.origin, change.request_id) == (f"node:{web.node.pk}", "198.51.100.9", "request-4711")


def test_strangers_are_not_believed_whom_they_forward(web: Machine) -> None:
    headers = {"Authorization": f"Bearer {web.token}", "Content-Type": "application/json", "X-Request-ID": "x y"}
    call_front("POST", PATH, GOOD, headers=headers | {"X-Forwarded-For": "198.51.100.9"}, origin="192.0.2.10")
    change = Change.objects.latest("version")
    assert (change.origin, len(change.request_id)) == ("192.0.2.10", 16)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"content-length", b"65537")], 413),
        ([(b"content-length", b"-1")], 400),
        ([(b"transfer-encoding", b"chunked")], 411),
        ([(b"content-length", b"10"), (b"content-encoding", b"gzip")], 415),
    ],
)
def test_what_the_headers_forbid_is_refused_before(headers: list[tuple[bytes, bytes]], status: int) -> None:
    scope = {"type": "http", "method": "POST", "path": PATH, "client": ("192.0.2.1", 1), "scheme": "http"}
    response = respond({**scope, "headers": [(b"host", b"localhost"), *headers]}, b"x")
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")


async def ask(scope: dict[str, Any]) -> tuple[int, dict[bytes, bytes]]:
    """What the application answers where Django has a part in it."""
    sent: list[dict[str, Any]] = []
    base = {
        "type": "http",
        "http_version": "1.1",
        "query_string": b"",
        "client": ("192.0.2.1", 1),
        "server": ("127.0.0.1", 8080),
        "scheme": "http",
        "headers": [(b"host", b"localhost")],
    }
    received = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in received:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application({**base, **scope}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])


async def test_hosts_that_are_not_ours_are_left_to_django(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["vpn.example.com"]
    status, _ = await ask({"method": "POST", "path": PATH, "headers": [(b"host", b"evil.example")]})
    assert status == 400


async def test_a_body_in_pieces_is_joined_and_bounded() -> None:
    sent: list[dict[str, Any]] = []
    pieces = iter([b"x" * API_BODY_LIMIT, b"x"])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": next(pieces), "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    from coordinator.hot_path.rest import _body
    from mesh.errors import PayloadTooLargeError

    assert MAX_BODY == API_BODY_LIMIT
    with pytest.raises(PayloadTooLargeError):
        await _body({b"content-length": b"1"}, receive)


def test_a_caller_that_hangs_up_is_not_answered(web: Machine) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    fields = [(b"authorization", f"Bearer {web.token}".encode()), (b"content-length", b"5")]
    coroutine = HeartbeatApplication([])({"headers": fields}, receive, send)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert sent == []


def test_the_answer_is_json_of_the_described_members(web: Machine, current: Current) -> None:
    response = web.heartbeat()
    assert set(orjson.loads(response.content)) == {
        "epoch", "map_version", "next_heartbeat_seconds", "session_expires_at", "key_expires_at", "lease_seconds",
        "server_time",
    }  # fmt: skip


def test_other_methods_are_refused_by_django(web: Machine) -> None:
    response = web.call("get", "heartbeat")
    assert (response.status_code, response["Content-Type"]) == (405, "application/problem+json")
