from __future__ import annotations

import json
from typing import Any

import pytest

from ghostwire_site.edge import Receive, Scope, Send
from ghostwire_site.edge.bodies import API_BODY_LIMIT, FORM_BODY_LIMIT, BodyLimits

ANSWERED_BY_THE_APPLICATION = 204


async def status_of(path: str, *headers: tuple[str, str]) -> tuple[int, dict[str, Any]]:
    """Send the head of a request; give the status, and the body of an error."""
    sent: list[dict[str, Any]] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": ANSWERED_BY_THE_APPLICATION, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def receive() -> dict[str, Any]:
        raise AssertionError("a refused body is not read")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers]
    await BodyLimits(application)({"type": "http", "path": path, "headers": raw}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/v1/heartbeat", [], 204),
        ("/api/v1/heartbeat", [("content-length", "0")], 204),
        ("/api/v1/heartbeat", [("content-length", str(API_BODY_LIMIT))], 204),
        ("/api/v1/heartbeat", [("content-length", str(API_BODY_LIMIT + 1))], 413),
        ("/api/v1/heartbeat", [("content-length", "9" * 30)], 413),
        ("/api/v1/heartbeat", [("content-length", "-1")], 400),
        ("/api/v1/heartbeat", [("transfer-encoding", "chunked")], 411),
        ("/api/v1/heartbeat", [("transfer-encoding", "chunked"), ("content-length", "5")], 411),
        ("/api/v1/heartbeat", [("content-length", "5"), ("content-encoding", "gzip")], 415),
        ("/api/v1/heartbeat", [("content-length", "5"), ("content-encoding", "identity")], 204),
        ("/admin/", [("content-length", str(API_BODY_LIMIT + 1))], 204),
        ("/admin/", [("content-length", str(FORM_BODY_LIMIT + 1))], 413),
        ("/admin/", [("transfer-encoding", "chunked")], 411),
    ],
)
async def test_bodies_are_refused_by_their_headers(path: str, headers: list[tuple[str, str]], status: int) -> None:
    assert (await status_of(path, *headers))[0] == status


async def test_a_refusal_is_a_problem_in_the_protocols_words() -> None:
    status, body = await status_of("/api/v1/heartbeat", ("content-length", "70000"))

    assert (body["status"], body["code"]) == (status, "validation")
    assert {"type", "title", "detail"} <= set(body)


async def test_other_protocols_pass() -> None:
    passed: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is read or sent here")

    await BodyLimits(application)({"type": "websocket", "path": "/ws/v1/agent", "headers": []}, nothing, nothing)

    assert passed == ["websocket"]
