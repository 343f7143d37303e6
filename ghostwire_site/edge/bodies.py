"""Refuses bodies by their headers, before a view runs: Django would spool any body to disk first.

Under /api/ as the agent protocol says: over 64 KiB 413, without Content-Length 411, with a Content-Encoding 415.
Policies may be larger. Elsewhere people upload files through forms, and the same holds with a larger limit.
"""

from __future__ import annotations

import json
from typing import Final

from coordinator.errors import CONTENT_TYPE, problem
from ghostwire_site.edge import App, Receive, Scope, Send
from mesh.errors import LengthRequiredError, PayloadTooLargeError, UnsupportedMediaTypeError, ValidationError

API: Final = "/api/"
API_BODY_LIMIT: Final = 64 * 1024
FORM_BODY_LIMIT: Final = 4 * 1024 * 1024
POLICIES: Final = ("/api/v1/admin/policy", "/api/v1/admin/acl/rules")
POLICY_BODY_LIMIT: Final = 4 * 1024 * 1024
"""A document of 2 MiB, also where it comes as a text in JSON."""


class BodyLimits:
    """ASGI middleware for HTTP scopes. That a body is no longer than its Content-Length is the server's to see to."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with an error, or pass on."""
        error = refusal(scope) if scope["type"] == "http" else None
        if error is None:
            await self.app(scope, receive, send)
        else:
            await _answer(error, send)


def refusal(scope: Scope) -> ValidationError | None:
    """Tell what is wrong with the body that the headers announce; None where nothing is."""
    length: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = value
        elif name == b"transfer-encoding":
            return LengthRequiredError("A body needs a Content-Length.")
        elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            return UnsupportedMediaTypeError("A body must come without Content-Encoding.")
    if length is None:
        return None  # no body at all: with neither header there is none (RFC 9112, section 6.3)
    limit = _limit(scope["path"])
    if not length.isdigit():
        return ValidationError("The Content-Length is not a number.")
    if int(length) > limit:
        return PayloadTooLargeError(f"The body is larger than {limit} bytes.")
    return None


def _limit(path: str) -> int:
    if path.startswith(POLICIES):
        return POLICY_BODY_LIMIT
    return API_BODY_LIMIT if path.startswith(API) else FORM_BODY_LIMIT


async def _answer(error: ValidationError, send: Send) -> None:
    body = json.dumps(problem(error)).encode()
    headers = [
        (b"content-type", CONTENT_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # the body is still under way, and nobody will read it
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
