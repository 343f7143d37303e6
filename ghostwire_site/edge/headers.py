"""The headers that Django's middleware puts on every answer of the API, for answers that never meet it."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from ghostwire_site.csp import AdminAwareCSPMiddleware

_NOT_OURS: Final = ("content-type", "content-length")


def api_headers(path: str) -> list[tuple[bytes, bytes]]:
    """Give the headers for answers at ``path``, as the middleware itself makes them.

    Where there has to be https, those of an answer over https: others are redirected before they come here.
    """
    middleware: Any = SecurityMiddleware(AdminAwareCSPMiddleware(XFrameOptionsMiddleware(_nothing)))
    response = middleware(_request(path))
    return [
        (name.lower().encode(), value.encode("latin-1"))
        for name, value in response.items()
        if name.lower() not in _NOT_OURS
    ]


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _request(path: str) -> WSGIRequest:
    return WSGIRequest(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "443",
            "wsgi.url_scheme": "https",
            "wsgi.input": BytesIO(),
        }
    )
