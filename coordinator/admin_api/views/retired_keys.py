from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView, row_or_404
from coordinator.admin_api.paging import NetworkListQuery, page_of, page_serializer
from coordinator.admin_api.serializers.retired_keys import RetiredKeyOut
from coordinator.lifecycle import release_key
from nodes.models import RetiredKey


class RetiredKeyView(AdminView):
    """Of keys that are refused."""

    noun = "retired-keys"
    knows = "nodes.view"

    def retired_keys(self) -> QuerySet[RetiredKey]:
        """Those of the network."""
        return RetiredKey.objects.filter(network=self.network)


class RetiredKeyList(RetiredKeyView):
    rights = {"GET": "nodes.view"}
    queries = {"GET": NetworkListQuery}

    @extend_schema(responses=page_serializer(RetiredKeyOut), operation_id="admin_list_retired_keys")
    def get(self, request: Request) -> Response:
        """Lists keys that are refused, the latest first."""
        page = page_of(self.retired_keys(), self.query, descending=True)
        return self.answer_page(RetiredKeyOut, page, page.rows)


class RetiredKeyDetail(RetiredKeyView):
    rights = {"GET": "nodes.view", "DELETE": "nodes.manage"}

    @extend_schema(responses=RetiredKeyOut, operation_id="admin_get_retired_key")
    def get(self, request: Request, pk: int) -> Response:
        """One key that is refused."""
        return Response(RetiredKeyOut(row_or_404(self.retired_keys(), pk, "retired key")).data)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_release_key")
    def delete(self, request: Request, pk: int) -> Response:
        """Releases a key: a machine may register with it again."""
        self.read_nothing()
        key = row_or_404(self.retired_keys(), pk, "retired key")
        release_key(retired_key_id=key.pk, cause=self.cause, now=self.now)
        return Response(status=204)
