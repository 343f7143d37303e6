"""What every request brings along besides its body: where it comes from and how it is called."""

from __future__ import annotations

import re
import secrets
from typing import Final

from django.http import HttpRequest

from mesh.change import Cause

REQUEST_ID_HEADER: Final = "HTTP_X_REQUEST_ID"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


def origin_of(request: HttpRequest) -> str:
    """The caller's address. Proxies that are trusted were resolved before the request came here."""
    return str(request.META.get("REMOTE_ADDR") or "")[:64]


def request_id_of(request: HttpRequest) -> str:
    """The id that the caller or a proxy gave the request, if it is a sane one, else a new one."""
    request.META[REQUEST_ID_HEADER] = sound_request_id(str(request.META.get(REQUEST_ID_HEADER, "")))
    return str(request.META[REQUEST_ID_HEADER])


def sound_request_id(given: str) -> str:
    """``given``, if it is a sane id, else a new one."""
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def cause_of(request: HttpRequest, *, node_id: int | None = None, user_id: int | None = None) -> Cause:
    """The cause of what the request changes: the node's agent, or a person."""
    origin, request_id = origin_of(request), request_id_of(request)
    if node_id is not None:
        return Cause.node(node_id, origin=origin, request_id=request_id)
    if user_id is not None:
        return Cause.user(user_id, origin=origin, request_id=request_id)
    return Cause.registration(origin=origin, request_id=request_id)
