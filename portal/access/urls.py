"""The URLs of the rules' editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import URLPattern, path

from portal.access.page import rules_page

if TYPE_CHECKING:
    from portal.areas import Guard


def pages(guard: Guard) -> list[URLPattern]:
    """Below ``/admin/``."""
    return [path("access/", guard(rules_page), name="access")]
