"""The cards of a node's page, in their order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from coordinator.replica import current_state
from nodes.models import Node
from portal import links
from portal.node.cards import (
    endpoints_section,
    identity_section,
    key_section,
    posture_section,
    routes_section,
    session_section,
)
from portal.node.events import events_of
from portal.node.map_page import may_see_map
from portal.node.reach import reach_sections
from portal.node.strip import presence_section
from portal.node.told import told_of
from portal.node.traffic import traffic_section
from portal.sections import Section
from sessions_app.roles import allows


def node_sections(request: HttpRequest, node: Node) -> list[Section]:
    """Presence; who reaches it and whom it reaches; session, endpoints, routes; who it is; traffic; events."""
    now, state = timezone.now(), current_state(node.network_id)
    traffic = traffic_section(node, now)
    return [
        presence_section(node, now),
        *reach_sections(request, node, state, now),
        session_section(request, node, told_of(node, state, now), now),
        endpoints_section(node, now),
        routes_section(request, node),
        key_section(node, now),
        identity_section(node, now),
        posture_section(node),
        *([traffic] if traffic is not None else []),
        *([_events(node, now)] if allows(request.user, "changes.view") else []),
    ]


def map_line(request: HttpRequest, node: Node) -> Any:
    """The way to the map as the node sees it; None for who may not see it."""
    if not may_see_map(request):
        return None
    return format_html('<a href="{}">map as it sees it</a>', reverse("admin:nodes_node_map", args=[node.pk]))


def _events(node: Node, now: datetime) -> Section:
    lines = events_of(node, now)
    for line in lines:
        line["when"] = when_words(line["at"], now)
    return Section(
        "Events",
        span=12,
        template="portal/node/events.html" if lines else "",
        data={"events": lines},
        link=("All events", links.list_url("nodes.change", f"node={node.pk}")),
        empty="" if lines else "The log does not speak of it.",
        ident="gw-node-events",
        refresh="nodes presence endpoints sessions policy",
    )


def when_words(at: datetime, now: datetime) -> str:
    """The time of today, else the day too."""
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%-d %b %H:%M}"
