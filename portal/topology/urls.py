"""The URLs of the topology."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import URLPattern, path

from portal.topology.answers import find, graph, members, reach
from portal.topology.page import topology_page

if TYPE_CHECKING:
    from portal.areas import Guard


def pages(guard: Guard) -> list[URLPattern]:
    """Below ``/admin/``."""
    return [
        path("topology/", guard(topology_page), name="topology"),
        path("topology/graph/", guard(graph), name="topology_graph"),
        path("topology/members/", guard(members), name="topology_members"),
        path("topology/reach/", guard(reach), name="topology_reach"),
        path("topology/find/", guard(find), name="topology_find"),
    ]
