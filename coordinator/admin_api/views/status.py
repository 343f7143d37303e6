from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView
from coordinator.admin_api.paging import NoQuery
from coordinator.admin_api.serializers.samples import SamplesOut, SamplesQuery, describe_series
from coordinator.admin_api.serializers.status import StatusOut
from coordinator.admin_api.status import portal_status
from coordinator.samples import read_series


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


class StatusSamples(AdminView):
    """How a network did, minute by minute."""

    noun = "status"
    knows = "network.view"
    rights = {"GET": "network.view"}
    queries = {"GET": SamplesQuery}

    @extend_schema(responses=SamplesOut, operation_id="admin_get_status_samples")
    def get(self, request: Request) -> Response:
        """The figures behind the overview's charts: of the last hour, day or month."""
        name = self.query["range"]
        series = read_series(network_id=self.network.pk, name=name, now=self.now)
        return Response(SamplesOut(describe_series(self.network.name, name, series)).data)
