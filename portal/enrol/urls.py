"""The URLs of enrolment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import URLPattern, path

if TYPE_CHECKING:
    from portal.areas import Guard


def pages(guard: Guard) -> list[URLPattern]:
    """Below ``/admin/``."""
    from portal.enrol.page import decide, enrol_page, follow_page  # noqa: PLC0415 - the site's URLs import this

    return [
        path("enrol/", guard(enrol_page), name="enrol"),
        path("enrol/<int:pk>/", guard(follow_page), name="enrol_follow"),
        path("enrol/<int:pk>/decide/", guard(decide), name="enrol_decide"),
    ]
