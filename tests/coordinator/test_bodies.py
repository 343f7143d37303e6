"""Bodies that the whole application refuses by their headers, before a view or the database is asked."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from coordinator.errors import CONTENT_TYPE
from ghostwire_site.asgi import application


async def post(*headers: tuple[bytes, bytes]) -> tuple[int, dict[bytes, bytes], dict[str, Any]]:
    """What the application answers to a POST with these headers, without reading its body."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError("The body was read.")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/v1/nodes/challenge",
        "query_string": b"",
        "client": ("192.0.2.1", 4711),
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), *headers],
    }
    await application(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), orjson.loads(body)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (((b"content-length", b"65537"),), 413),
        (((b"content-length", b"9" * 40),), 413),
        (((b"transfer-encoding", b"chunked"),), 411),
        (((b"content-length", b"10"), (b"transfer-encoding", b"chunked")), 411),
        (((b"content-length", b"10"), (b"content-encoding", b"gzip")), 415),
        (((b"content-length", b"10"), (b"content-encoding", b"zstd")), 415),
        (((b"content-length", b"-1"),), 400),
    ],
)
async def test_refused_by_its_headers(headers: tuple[tuple[bytes, bytes], ...], status: int) -> None:
    answered, fields, body = await post(*headers)
    assert answered == status
    assert fields[b"content-type"] == CONTENT_TYPE.encode()
    assert (body["status"], body["code"]) == (status, "validation")
