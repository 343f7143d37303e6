"""The URLs of the rules' editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import URLPattern, path

from portal.access.answers import explain, names, state
from portal.access.apply import apply
from portal.access.page import rules_page
from portal.access.preview import preview

if TYPE_CHECKING:
    from portal.areas import Guard


def pages(guard: Guard) -> list[URLPattern]:
    """Below ``/admin/``."""
    return [
        path("access/", guard(rules_page), name="access"),
        path("access/state/", guard(state), name="access_state"),
        path("access/names/", guard(names), name="access_names"),
        path("access/preview/", guard(preview), name="access_preview"),
        path("access/explain/", guard(explain), name="access_explain"),
        path("access/apply/", guard(apply), name="access_apply"),
    ]
