"""A person's program: it calls the administration API with a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from django.test import Client
from django.utils import timezone

from mesh.change import Cause
from sessions_app.models import ApiToken, User
from sessions_app.services.api_tokens import create_api_token
from sessions_app.services.users import create_user
from tests.fixtures import random32

ROLES = ("owner", "admin", "network_admin", "support", "auditor", "member")


@dataclass
class Api:
    """Calls below /api/v1/admin/. Without a ``token`` it is nobody."""

    token: str | None = None
    user: User | None = None
    api_token: ApiToken | None = None
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call; ``body`` is JSON, or bytes as they are."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            fields.setdefault("Authorization", f"Bearer {self.token}")
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        content_type = fields.pop("Content-Type", "application/json")
        url = path if path.startswith("/") else f"/api/v1/admin/{path}"
        return self.client.generic(method, url, data, content_type=content_type, headers=fields)

    def get(self, path: str) -> Any:
        """The answer of a GET that succeeds."""
        return _body(self("GET", path), 200)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        """The answer of a POST that succeeds."""
        return _body(self("POST", path, body), status)

    def patch(self, path: str, body: Any) -> Any:
        """The answer of a PATCH that succeeds."""
        return _body(self("PATCH", path, body), 200)

    def delete(self, path: str) -> None:
        """A DELETE that succeeds."""
        response = self("DELETE", path)
        assert (response.status_code, response.content) == (204, b""), response.content

    def names(self, path: str, member: str = "name") -> list[Any]:
        """One member of all that a list's first page has."""
        return [item[member] for item in self.get(path)["results"]]


def _body(response: Any, status: int) -> Any:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    return response.json()


def refusal(response: Any) -> tuple[int, str]:
    """Status and code of a refusal, which is a problem as RFC 9457 has it."""
    assert response["Content-Type"] == "application/problem+json", response.content
    body = response.json()
    assert body["status"] == response.status_code
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "code"}
    return response.status_code, body["code"]


def faults(response: Any) -> list[str]:
    """The members at fault that a refusal names."""
    assert refusal(response) == (400, "validation")
    return [item["field"] for item in response.json()["errors"]]


def api_of(role: str) -> Api:
    """The program of a new person with this role."""
    now = timezone.now()
    user = create_user(login=f"{role.replace('_', '-')}@example.com", role=role, cause=Cause.command(), now=now)
    return api_for(user)


def api_for(user: User) -> Api:
    """A program of this person."""
    created = create_api_token(user_id=user.pk, name="program", now=timezone.now(), random32=random32())
    return Api(created.secret, user, created.api_token)
