"""Counts beside entries of the sidebar: what waits for a person. None shows no badge."""

from __future__ import annotations

from django.http import HttpRequest

from nodes.models import Route


def waiting_routes(request: HttpRequest) -> int | None:
    """Routes that a machine offers and nobody has approved."""
    return Route.objects.filter(advertised=True, approved=False).count() or None
