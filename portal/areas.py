"""The pages of the portal that belong to no model: each area says its own URLs, the site guards them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpResponse
from django.urls import URLPattern

from portal.access import urls as access
from portal.enrol import urls as enrol
from portal.jobs import urls as jobs
from portal.matrix import urls as matrix
from portal.palette import urls as palette
from portal.policy import urls as policy
from portal.topology import urls as topology

View = Callable[..., HttpResponse]
Guard = Callable[[View], View]
Area = Callable[[Guard], list[URLPattern]]

# Below ``/admin/``, before the pages of the models. An area wraps each of its views in the guard it is given (which
# asks for a login); what the person may do there the view itself asks of ``sessions_app.roles``.
AREAS: Final[tuple[Area, ...]] = (
    access.pages,
    policy.pages,
    topology.pages,
    matrix.pages,
    jobs.pages,
    enrol.pages,
    palette.pages,
)


def area_urls(guard: Guard) -> list[URLPattern]:
    """The URLs of all areas."""
    return [url for area in AREAS for url in area(guard)]
