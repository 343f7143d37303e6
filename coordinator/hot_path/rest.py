"""``POST /api/v1/heartbeat`` as a plain ASGI application.

Same contract as the calls behind Django: whoever calls is established before anything is made of the body, errors are
the same problems with the same headers, and they are logged alike. What the headers alone forbid was refused before.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

import orjson
from django.utils import timezone

from coordinator.authentication import admit_node, bearer_token
from coordinator.errors import CONTENT_TYPE, as_ghostwire_error, headers, problem
from coordinator.heartbeats import HeartbeatReport
from coordinator.hot_path.beat import beat
from coordinator.hot_path.credentials import CREDENTIALS, Known, holds, vouches
from coordinator.hot_path.reading import NOTHING, read_body
from coordinator.metrics import HEARTBEATS
from coordinator.requests import sound_request_id
from coordinator.threads import in_thread
from mesh.change import Cause
from mesh.errors import GhostWireError, PayloadTooLargeError, UnsupportedMediaTypeError
from sessions_app.models import NodeSession

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PATH: Final = "/api/v1/heartbeat"
JSON: Final = b"application/json"
MAX_BODY: Final = 64 * 1024
_WANTED: Final = frozenset((b"authorization", b"content-type", b"content-length", b"x-request-id"))

log = logging.getLogger("django.request")


class ClientGoneError(Exception):
    """The caller hung up before its request was complete."""


class HeartbeatApplication:
    """Answers heartbeats. ``extra``: headers that every answer carries."""

    def __init__(self, extra: Headers) -> None:
        self._extra = extra
        self._success = [(b"content-type", JSON), *self._extra]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one POST."""
        try:
            body, status, fields = await self._answer(scope, receive), 200, self._success
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - every failure becomes a problem, also those not foreseen
            body, status, fields = self._refusal(as_ghostwire_error(error))
        fields = [*fields, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        now = timezone.now()
        fields = _fields(scope)
        token = bearer_token(fields.get(b"authorization", b"").decode("latin-1"))
        session: NodeSession | None = None
        body: bytes | None = None
        known = CREDENTIALS.recall(token)
        if known is not None:
            # Before what is known of the caller is looked at, so that nothing happens between that and the answer.
            body = await _body(fields, receive)
        if known is None or (topology := vouches(known, now)) is None:
            session = await in_thread(admit_node, token=token, now=now)
            known = Known.of(session)
            CREDENTIALS.remember(token, known)
            topology = holds(known, now)
        if body is None:
            body = await _body(fields, receive)
        # The same bytes as last time say nothing new.
        report = NOTHING if body and body == known.body else _read(body, fields)

        def cause() -> Cause:
            client = scope.get("client")
            origin = str(client[0])[:64] if client else ""
            given = fields.get(b"x-request-id", b"").decode("latin-1")
            return Cause.node(known.node_id, origin=origin, request_id=sound_request_id(given))

        answer = await beat(known, report, topology, cause=cause, now=now, session=session, body=body)
        return orjson.dumps(answer, option=orjson.OPT_UTC_Z)

    def _refusal(self, error: GhostWireError) -> tuple[bytes, int, Headers]:
        HEARTBEATS.refuse("rest", error.code)
        level = logging.ERROR if error.status >= 500 else logging.WARNING
        log.log(level, "%s: %s", HTTPStatus(error.status).phrase, PATH, extra={"status_code": error.status})
        fields = [(name.lower().encode(), value.encode()) for name, value in headers(error).items()]
        content_type = (b"content-type", CONTENT_TYPE.encode())
        return orjson.dumps(problem(error)), error.status, [content_type, *fields, *self._extra]


def _fields(scope: Scope) -> dict[bytes, bytes]:
    """The headers that are wanted; those that come twice are joined (RFC 9110 section 5.3)."""
    fields: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _WANTED:
            fields[name] = fields[name] + b"," + value if name in fields else value
    return fields


async def _body(fields: dict[bytes, bytes], receive: Receive) -> bytes:
    """The whole body; none without a Content-Length (RFC 9112 section 6.3). Raises PayloadTooLargeError."""
    if fields.get(b"content-length", b"0") == b"0":
        return b""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise PayloadTooLargeError(f"The body is larger than {MAX_BODY} bytes.")
        if not message.get("more_body", False):
            return body


def _read(body: bytes, fields: dict[bytes, bytes]) -> HeartbeatReport:
    if not body:
        return NOTHING
    media_type = fields.get(b"content-type", b"")
    if media_type != JSON and media_type.partition(b";")[0].strip().lower() != JSON:
        raise UnsupportedMediaTypeError("Send application/json.")
    return read_body(body)
