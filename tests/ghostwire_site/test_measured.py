"""Requests are counted by the portal's own routes, whoever answers them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, resolve

from coordinator.metrics import REGISTRY
from ghostwire_site.edge import ROUTE, Receive, Scope, Send
from ghostwire_site.measured import Measured, NoteRoute

pytestmark = pytest.mark.django_db


def counted(route: str, status: str, method: str = "GET") -> float:
    labels = {"route": route, "method": method, "status": status}
    return REGISTRY.get_sample_value("ghostwire_http_requests_total", labels) or 0.0


def timed(route: str) -> float:
    return REGISTRY.get_sample_value("ghostwire_http_request_seconds_count", {"route": route}) or 0.0


def run(route: str | None, *, status: int | None = 200, method: str = "GET", error: Exception | None = None) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if route is not None:
            scope[ROUTE] = route
        if error is not None:
            raise error
        if status is not None:
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def receive() -> dict[str, Any]:
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        return None

    asyncio.run(Measured(application)({"type": "http", "method": method, "path": "/x"}, receive, send))


def test_by_route_method_and_status() -> None:
    before = counted("a/<int:pk>", "404"), timed("a/<int:pk>")
    run("a/<int:pk>", status=404)
    assert (counted("a/<int:pk>", "404"), timed("a/<int:pk>")) == (before[0] + 1, before[1] + 1)


def test_what_leads_nowhere_is_one_route() -> None:
    before = counted("other", "413")
    run(None, status=413)
    assert counted("other", "413") == before + 1


def test_made_up_methods_are_one_method() -> None:
    before = counted("b", "200", "other")
    run("b", method="BREW")
    assert counted("b", "200", "other") == before + 1


def test_a_request_without_an_answer_is_counted() -> None:
    before = counted("c", "none")
    run("c", status=None)
    with pytest.raises(ZeroDivisionError):
        run("c", error=ZeroDivisionError())
    assert counted("c", "none") == before + 2


def test_django_says_which_route_it_took() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        request.resolver_match = resolve("/api/v1/admin/nodes/7")
        return HttpResponse()

    request: Any = HttpRequest()
    request.scope = {}
    NoteRoute(view)(request)
    assert request.scope[ROUTE].startswith("api/v1/admin/nodes/") and "7" not in request.scope[ROUTE]
    assert isinstance(request.resolver_match, ResolverMatch)


def test_a_request_without_a_scope_is_answered_all_the_same() -> None:
    assert NoteRoute(lambda request: HttpResponse(status=204))(HttpRequest()).status_code == 204
