"""Counts and times HTTP requests by the portal's own routes, for those that Django answers and those in front of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase

from coordinator.metrics import REQUESTS
from ghostwire_site.edge import ROUTE, App, Receive, Scope, Send

NO_ROUTE: Final = "other"
"""Static files, paths that lead nowhere, and what is refused by its headers."""
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Measured:
    """ASGI middleware for HTTP scopes."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count once the answer is out. A request whose caller went away first has status ``none``."""
        status = 0
        began = time.perf_counter()

        async def noting(message: dict[str, Any]) -> None:
            nonlocal status
            if not status:
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            method = scope["method"]
            known = method if method in _METHODS else "other"
            REQUESTS.count(scope.get(ROUTE, NO_ROUTE), known, status, time.perf_counter() - began)


class NoteRoute:
    """Django middleware: leaves the pattern that a request's path matched where ``Measured`` finds it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, then note."""
        response = self.get_response(request)
        scope = getattr(request, "scope", None)
        if scope is not None and request.resolver_match is not None:
            scope[ROUTE] = request.resolver_match.route
        return response
