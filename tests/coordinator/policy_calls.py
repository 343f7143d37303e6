"""A person's program that calls the administration API, for tests of policies."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import orjson
from django.test import Client
from django.utils import timezone

from mesh.change import Cause
from sessions_app.services.api_tokens import create_api_token
from sessions_app.services.users import create_user

JSON = "application/json"


@dataclass
class Caller:
    """Calls with a token. ``If_Match="..."`` and the like become headers."""

    token: str

    def __call__(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **headers: str
    ) -> Any:
        return Client(raise_request_exception=False).generic(
            method.upper(),
            f"/api/v1/admin/{path}",
            _raw(body),
            content_type=kind,
            headers={"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}},
        )


def _raw(body: Any) -> bytes:
    if body is None or isinstance(body, bytes):
        return body or b""
    return body.encode() if isinstance(body, str) else orjson.dumps(body)


def caller(role: str) -> Caller:
    """The program of a new person with this role."""
    now = timezone.now()
    login = f"{role}@example.com".replace("_", "-")
    user = create_user(login=login, role=role, cause=Cause.command(), now=now)
    created = create_api_token(user_id=user.pk, name="t", expires_at=None, now=now, random32=secrets.token_bytes(32))
    return Caller(created.secret)
