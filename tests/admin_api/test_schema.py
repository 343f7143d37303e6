"""The API's description: complete, valid, and true of who may call."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.roles.walk import api_methods, plain

OF_PEOPLE = ("/api/v1/admin/", "/api/v1/me")
METHODS = ("get", "put", "post", "patch", "delete")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    GENERATOR_STATS.reset()
    generator: Any = SchemaGenerator
    return dict(generator().get_schema(request=None, public=True))


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_it_is_valid_and_nothing_was_guessed(schema: dict[str, Any]) -> None:
    check: Any = validate_schema
    check(schema)
    assert not GENERATOR_STATS


def test_every_call_stands_in_it(schema: dict[str, Any]) -> None:
    found = {(method.upper(), plain(path.removeprefix("/"))) for path, method, _ in operations(schema)}
    described = {(method, plain(route)) for method, route in api_methods()}
    assert found == {item for item in described if item[1] not in ("api/v1/schema/", "api/v1/docs/")}


def test_operation_ids_are_unique(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(schema)]
    assert len(names) == len(set(names))


def test_every_refusal_is_a_problem(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (path, method, status)


def test_administrative_calls_need_an_api_token_and_may_be_refused(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        if path.startswith(OF_PEOPLE):
            assert operation["security"] == [{"apiToken": []}], (path, method)
            needed = {"400", "401", "404", "429", "503"} | ({"403"} if method != "get" else set())
            assert needed <= set(operation["responses"]), (path, method)


def test_calls_with_a_body_say_how_it_may_be_refused(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        if "requestBody" in operation:
            assert {"400", "411", "413", "415"} <= set(operation["responses"]), (path, method)


def test_agents_calls_need_a_session_but_those_that_lead_to_one(schema: dict[str, Any]) -> None:
    free = {
        (path.removeprefix("/api/v1/"), method)
        for path, method, operation in operations(schema)
        if not path.startswith(OF_PEOPLE) and operation.get("security") != [{"nodeSession": []}]
    }
    assert free == {
        ("server", "get"),
        ("nodes/challenge", "post"),
        ("nodes/register", "post"),
        ("enrolments/{code}", "post"),
        ("session", "post"),
    }


def test_waiting_times_are_told(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        for status in ("429", "503"):
            if status in operation["responses"]:
                assert operation["responses"][status]["headers"]["Retry-After"], (path, method)
