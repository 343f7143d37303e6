from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView
from coordinator.admin_api.paging import page_of, page_serializer
from coordinator.admin_api.serializers.changes import ChangeLine, ChangeOut, ChangeQuery, DeliveryOut
from coordinator.delivery import delivery_of
from mesh.errors import NotFoundError
from nodes.models import Change


class ChangeView(AdminView):
    """Of the log, which nobody writes but the services."""

    noun = "changes"
    knows = "changes.view"
    rights = {"GET": "changes.view"}

    def changes(self) -> QuerySet[Change]:
        """Those of the network."""
        return Change.objects.filter(network=self.network)


class ChangeList(ChangeView):
    queries = {"GET": ChangeQuery}

    @extend_schema(responses=page_serializer(ChangeLine), operation_id="admin_list_changes")
    def get(self, request: Request) -> Response:
        """Lists changes without their facts, the latest first."""
        wanted = {member: self.query[member] for member in ("kind", "actor") if member in self.query}
        rows = self.changes().filter(**wanted).defer("facts")
        page = page_of(rows, self.query, key="version", descending=True)
        return self.answer_page(ChangeLine, page, page.rows)


class ChangeDetail(ChangeView):
    @extend_schema(responses=ChangeOut, operation_id="admin_get_change")
    def get(self, request: Request, version: int) -> Response:
        """One change with its facts, by the map version that it made."""
        change = self.changes().filter(version=version).first()
        if change is None:
            raise NotFoundError(f"There is no change {version}.")
        return Response(ChangeOut(change).data)


class ChangeDelivery(ChangeView):
    @extend_schema(responses=DeliveryOut, operation_id="admin_get_change_delivery")
    def get(self, request: Request, version: int) -> Response:
        """Which connected agents a change concerns, which of them have it, and how long the last one took."""
        found = delivery_of(network_id=self.network.pk, version=version)
        took = None if found.last_took is None else round(found.last_took.total_seconds(), 3)
        answer = {
            "version": found.version,
            "acknowledged": found.acknowledged,
            "waiting": found.waiting,
            "last_node": found.last_node,
            "last_seconds": took,
        }
        return Response(DeliveryOut(answer).data)
