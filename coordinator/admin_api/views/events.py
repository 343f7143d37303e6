from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView
from coordinator.admin_api.paging import DEFAULT_LIMIT, NoQuery
from coordinator.admin_api.serializers.changes import EventLine, EventOut, EventPage, EventQuery
from coordinator.events import Cursor, Wanted, before_after, find_event, search_events
from coordinator.events.telling import event_values
from nodes.selectors import get_network


class EventView(AdminView):
    """Of the log of changes and the audit trail together."""

    noun = "events"
    knows = "changes.view"
    rights = {"GET": "changes.view"}
    queries = {"GET": NoQuery}


class EventList(EventView):
    queries = {"GET": EventQuery}

    @extend_schema(responses=EventPage, operation_id="admin_list_events")
    def get(self, request: Request) -> Response:
        """Lists events of all networks, the latest first."""
        asked = self.query
        network = get_network(asked["network"]) if "network" in asked else None
        wanted = Wanted(
            kind=asked.get("kind", ""),
            actor=asked.get("actor", ""),
            node_id=asked.get("node"),
            network_id=None if network is None else network.pk,
            since=asked.get("since"),
            until=asked.get("until"),
            text=asked.get("q", ""),
        )
        page = search_events(wanted, Cursor.read(asked.get("after", "")), limit=asked.get("limit", DEFAULT_LIMIT))
        following = None
        if page.after is not None:
            kept = {name: value for name, value in request.query_params.items() if name != "after"}
            following = request.build_absolute_uri(f"{request.path}?{urlencode({**kept, 'after': str(page.after)})}")
        body: dict[str, Any] = {
            "results": EventLine(event_values(page.events), many=True).data,
            "next": following,
            "looked_until": page.looked_until,
        }
        return Response(body)


class EventDetail(EventView):
    @extend_schema(responses=EventOut, operation_id="admin_get_event")
    def get(self, request: Request, ref: str) -> Response:
        """One event, with what was so before and after."""
        event = find_event(ref)
        found = None if event.change is None else before_after(event.change)
        value = event_values([event])[0] | {
            "facts": event.row.facts,
            "differences": [] if found is None else found.differences,
            "unknown": [] if found is None else found.unknown,
        }
        return Response(EventOut(value).data)
