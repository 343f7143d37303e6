from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from ghostwire_site.csp import AdminAwareCSPMiddleware


def policy(path: str) -> dict[str, str]:
    """Give the directives that a page at this path gets."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")

    response = AdminAwareCSPMiddleware(view)(RequestFactory().get(path))
    assert isinstance(response, HttpResponse)
    directives = (part.strip().partition(" ") for part in response.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in directives}


@pytest.mark.parametrize("path", ["/", "/api/v1/docs/", "/administer", "/healthz"])
def test_scripts_and_styles_come_from_this_server_alone(path: str) -> None:
    directives = policy(path)

    assert directives["script-src"] == "'self'"
    assert directives["style-src"] == "'self'"
    assert directives["default-src"] == "'none'"


@pytest.mark.parametrize("path", ["/admin/", "/admin/nodes/node/1/change/", "/admin/login/"])
def test_only_scripts_of_the_admin_may_evaluate(path: str) -> None:
    directives = policy(path)

    assert directives["script-src"] == "'self' 'unsafe-eval'"
    assert directives["style-src"] == "'self'"


def test_nothing_inline_is_ever_allowed() -> None:
    assert not any("unsafe-inline" in value for path in ("/", "/admin/") for value in policy(path).values())


def test_pages_cannot_be_framed_and_forms_stay_here() -> None:
    directives = policy("/admin/")

    assert directives["frame-ancestors"] == "'none'"
    assert directives["form-action"] == "'self'"
    assert directives["base-uri"] == "'none'"


@pytest.mark.parametrize("path", ["/healthz", "/no-such-page", "/admin/"])
@pytest.mark.django_db
def test_every_answer_has_the_headers(client: Client, path: str) -> None:
    headers = client.get(path).headers

    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
