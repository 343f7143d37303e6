"""The URLs of the matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import URLPattern, path

from portal.matrix.page import matrix_page

if TYPE_CHECKING:
    from portal.areas import Guard


def pages(guard: Guard) -> list[URLPattern]:
    """Below ``/admin/``."""
    return [path("access/matrix/", guard(matrix_page), name="matrix")]
