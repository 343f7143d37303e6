"""Errors as HTTP: the table of the agent protocol, as problem details, without a word too many."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError
from django.http import Http404
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework import exceptions as drf
from rest_framework.exceptions import ErrorDetail

from coordinator import errors
from coordinator.errors import as_ghostwire_error, flatten, headers, problem
from mesh.errors import (
    AuthenticationError,
    ConflictError,
    DatabaseError,
    FieldError,
    GhostWireError,
    InternalError,
    LengthRequiredError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    ResourceExhaustedError,
    ThrottledError,
    UnsupportedMediaTypeError,
    ValidationError,
)
from nodes.models import Network
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import Clock, Join, KeyOf

TOKEN = "gwk_" + "Q" * 42 + "A"
TABLE = [
    (ValidationError("no"), 400, "validation"),
    (LengthRequiredError("no"), 411, "validation"),
    (PayloadTooLargeError("no"), 413, "validation"),
    (UnsupportedMediaTypeError("no"), 415, "validation"),
    (AuthenticationError("no"), 401, "authentication"),
    (PermissionDeniedError("no"), 403, "permission"),
    (NotFoundError("no"), 404, "not_found"),
    (ConflictError("no"), 409, "conflict"),
    (ThrottledError("no", retry_after=0.2), 429, "throttled"),
    (DatabaseError("no", retry_after=5), 503, "database"),
    (ResourceExhaustedError("no"), 507, "resource_exhausted"),
    (InternalError("no"), 500, "internal"),
]


@pytest.mark.parametrize(("error", "status", "code"), TABLE)
def test_the_table_of_the_protocol(error: GhostWireError, status: int, code: str) -> None:
    body = problem(error)
    assert (error.status, body["status"], body["code"], body["detail"]) == (status, status, code, "no")
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "code"}


def test_validation_names_the_members_at_fault() -> None:
    error = ValidationError("no", errors=(FieldError("routes.3", "not a route"),))
    assert problem(error)["errors"] == [{"field": "routes.3", "message": "not a route"}]


def test_only_validation_has_members_at_fault() -> None:
    assert "errors" not in problem(ConflictError("no"))


@pytest.mark.parametrize(("wait", "said"), [(0.001, "1"), (1.0, "1"), (1.2, "2"), (59.9, "60")])
def test_retry_after_is_whole_seconds_and_never_too_early(wait: float, said: str) -> None:
    assert headers(ThrottledError("no", retry_after=wait)) == {"Retry-After": said}


def test_a_401_says_how_to_authenticate() -> None:
    assert headers(AuthenticationError("no")) == {"WWW-Authenticate": "Bearer"}


def test_what_was_sent_is_masked_where_it_comes_back() -> None:
    error = ValidationError(f"The member {TOKEN!r} stands twice.", errors=(FieldError(TOKEN, f"{TOKEN} is none"),))
    assert TOKEN not in str(problem(error))


FOREIGN = [
    (OperationalError("could not connect"), 503),
    (InterfaceError("connection already closed"), 503),
    (IntegrityError("UNIQUE constraint failed: nodes_node.public_key"), 503),
    (RedisConnectionError("refused"), 503),
    (DataError("value too long"), 500),
    (ProgrammingError("no such table"), 500),
    (KeyError("secret"), 500),
    (BadRequest("x"), 400),
    (SuspiciousOperation("x"), 400),
    (PermissionDenied("x"), 403),
    (Http404("x"), 404),
    (drf.ParseError("x"), 400),
    (drf.NotAuthenticated("x"), 401),
    (drf.AuthenticationFailed("x"), 401),
    (drf.PermissionDenied("x"), 403),
    (drf.NotFound("x"), 404),
    (drf.UnsupportedMediaType("text/plain"), 415),
    (drf.Throttled(wait=7), 429),
]


@pytest.mark.parametrize(("error", "status"), FOREIGN, ids=lambda value: type(value).__name__)
def test_other_errors_join_the_family_and_keep_their_words_to_themselves(error: Exception, status: int) -> None:
    mapped = as_ghostwire_error(error)
    assert mapped.status == status
    for word in ("UNIQUE", "nodes_node", "table", "secret", "connect", "closed", "refused"):
        assert word not in mapped.detail or word in "The request is refused."


def test_what_can_be_tried_again_says_when() -> None:
    assert as_ghostwire_error(OperationalError()).retry_after == errors.RETRY_SECONDS


def test_what_was_not_foreseen_is_logged_with_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        as_ghostwire_error(KeyError("unforeseen"))
    assert "request.failed" in caplog.text and "KeyError('unforeseen')" in caplog.text


def test_nested_details_become_paths() -> None:
    detail: Any = {
        "routes": {3: [ErrorDetail("bad", "x")]},
        "posture": {"key": [ErrorDetail("long", "x")]},
        "name": [ErrorDetail("a", "x"), ErrorDetail("b", "x")],
        "non_field_errors": [ErrorDetail("whole", "x")],
    }
    assert {(item.field, item.message) for item in flatten(detail)} == {
        ("routes.3", "bad"),
        ("posture.key", "long"),
        ("name", "a"),
        ("name", "b"),
        ("non_field_errors", "whole"),
    }


# --- on real calls


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"] == f"urn:ghostwire:error:{code}"
    assert body["title"] and body["detail"]
    for word in ("Traceback", "SELECT", "INSERT", 'File "', "Error:"):
        assert word not in response.content.decode()
    return body


BODIES = {
    "a member twice": b'{"public_key":"a","public_key":"b"}',
    "NUL": b'{"public_key":"a\\u0000"}',
    "half a surrogate pair": b'{"public_key":"\\ud800"}',
    "33 levels": b'{"public_key":' + b"[" * 32 + b"]" * 32 + b"}",
    "an unknown member": b'{"public_key":"a","colour":"red"}',
    "no object": b"[]",
    "a number for a text": b'{"public_key":7}',
    "null for a text": b'{"public_key":null}',
    "a control character": b'{"public_key":"a\\u001f"}',
    "nothing": b"",
    "no JSON": b"public_key=a",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("path", ["nodes/challenge", "nodes/register", "session"])
def test_400(db: None, path: str, body: bytes) -> None:
    assert_problem(Machine().call("post", path, body), 400, "validation")


def test_400_names_the_unknown_member(db: None) -> None:
    response = Machine().call("post", "nodes/challenge", b'{"public_key":"a","colour":1}')
    assert [item["field"] for item in response.json()["errors"]] == ["colour"]


@pytest.mark.parametrize("body", [b'{"colour":1}', b"[]", b'{"endpoints":{}}', b'{"posture":[]}', b'{"posture":null}'])
def test_400_of_a_heartbeat(join: Join, ana: User, body: bytes) -> None:
    assert_problem(join(ana, "web").call("post", "heartbeat", body), 400, "validation")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_415(db: None, content_type: str) -> None:
    response = Machine().call("post", "nodes/challenge", {"public_key": "a"}, headers={"Content-Type": content_type})
    assert_problem(response, 415, "validation")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "heartbeat"),
        ("get", "netmap"),
        ("put", "endpoints"),
        ("put", "routes"),
        ("delete", "session"),
        ("delete", "nodes/self"),
    ],
)
@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer  x", "Basic YTpi", "Bearer gws_short", f"Bearer {TOKEN}", "Bearer gws_" + "Q" * 42 + "A"],
)
def test_401(db: None, method: str, path: str, authorization: str) -> None:
    response = Machine().call(method, path, {}, headers={"Authorization": authorization})
    assert_problem(response, 401, "authentication")
    assert response["WWW-Authenticate"] == "Bearer"


def test_401_comes_before_the_body_is_read(db: None) -> None:
    assert_problem(Machine().call("post", "heartbeat", b"{"), 401, "authentication")


@pytest.mark.parametrize("path", ["nothing", "nodes/", "nodes/self/", "netmap/7", "../api/v1/x"])
def test_404(db: None, path: str) -> None:
    assert_problem(Machine().call("get", path), 404, "not_found")


def test_405_is_a_problem_and_says_what_is_allowed(db: None) -> None:
    response = Machine().call("get", "nodes/challenge")
    assert response.status_code == 405
    assert response["Content-Type"] == "application/problem+json"
    assert "POST" in response["Allow"]


def test_429_says_when_to_come_back(join: Join, ana: User, clock: Clock) -> None:
    machine = join(ana, "web")
    machine.heartbeat()
    response = machine.heartbeat()
    assert_problem(response, 429, "throttled")
    assert response["Retry-After"] == "1"


def broken(error: Exception) -> Callable[..., Any]:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    return fail


def test_503_while_the_database_is_away(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    away = OperationalError("connection to server at db.internal failed: password gwk_ for ghostwire")
    monkeypatch.setattr("coordinator.authentication.find_session", broken(away))
    response = Machine(token="gws_" + "Q" * 42 + "A").call("get", "netmap")
    body = assert_problem(response, 503, "database")
    assert response["Retry-After"] == "5"
    assert "db.internal" not in str(body)


def test_503_in_the_middle_of_a_registration_leaves_nothing(
    network: Network, ana: User, key_of: KeyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, key = Machine(), key_of(ana)
    with monkeypatch.context() as patch:
        patch.setattr("coordinator.registration.issue_session", broken(OperationalError("gone")))
        assert_problem(machine.register(key), 503, "database")
    assert machine.register(key).status_code == 201


def test_500_says_nothing_of_its_cause(join: Join, ana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = join(ana, "web")
    monkeypatch.setattr("coordinator.views.node.note_alive", broken(ValueError(f"the secret is {TOKEN}")))
    response = machine.call("get", "netmap")
    body = assert_problem(response, 500, "internal")
    assert "secret" not in str(body) and TOKEN not in str(body)


def test_a_secret_as_a_member_name_does_not_come_back(db: None) -> None:
    response = Machine().call("post", "nodes/challenge", f'{{"{TOKEN}":1,"{TOKEN}":1}}'.encode())
    assert_problem(response, 400, "validation")
    assert TOKEN not in response.content.decode()
