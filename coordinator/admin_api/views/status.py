from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView
from coordinator.admin_api.paging import NoQuery
from coordinator.admin_api.serializers.status import StatusOut
from coordinator.admin_api.status import portal_status


class StatusDetail(AdminView):
    """Of the portal itself."""

    noun = "status"
    knows = "network.view"
    rights = {"GET": "network.view"}
    queries = {"GET": NoQuery}

    @extend_schema(responses=StatusOut, operation_id="admin_get_status")
    def get(self, request: Request) -> Response:
        """How the portal does, with its periodic tasks."""
        return Response(StatusOut(portal_status(now=self.now)).data)
