"""What the portal has, by its own resolver: every route, and the methods of every call of the API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes() -> dict[str, Any]:
    """Each route as the resolver writes it, ``admin/jobs/<int:pk>/``, with its view."""
    return dict(_walk(get_resolver().url_patterns, ""))


def api_methods() -> set[tuple[str, str]]:
    """Each method of each call of the API."""
    return {
        (method, route)
        for route, view in routes().items()
        if (found := getattr(view, "view_class", None)) is not None and route.startswith("api/v1/")
        for method in METHODS
        if hasattr(found, method.lower())
    }


def plain(route: str) -> str:
    """A route with one mark in place of whatever it takes: the names of ids are no part of what is meant."""
    return re.sub(r"<[^>]+>|{\w+}", "{}", route)


def _walk(patterns: Sequence[Any], before: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        else:
            assert isinstance(pattern, URLPattern)
            yield route, pattern.callback
