"""The URL of the palette."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import URLPattern, path

from portal.palette.answer import palette

if TYPE_CHECKING:
    from portal.areas import Guard


def pages(guard: Guard) -> list[URLPattern]:
    """Below ``/admin/``."""
    return [path("palette/", guard(palette), name="palette")]
