from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView, row_or_404
from coordinator.admin_api.edits import edit_region
from coordinator.admin_api.paging import NetworkListQuery, page_of, page_serializer
from coordinator.admin_api.serializers.relays import (
    RelayEdit,
    RelayNew,
    RelayOut,
    RelayServerEdit,
    RelayServerNew,
    RelayServerOut,
)
from nodes.models import RelayRegion, RelayServer
from nodes.services.relays import delete_region, delete_server, save_region, save_server


class RelayView(AdminView):
    """Of relay regions and their servers."""

    noun = "relays"
    knows = "network.view"

    def regions(self) -> QuerySet[RelayRegion]:
        """The regions of the network."""
        return RelayRegion.objects.filter(network=self.network).prefetch_related("servers")

    def region(self, pk: int) -> RelayRegion:
        """One of them. Raises NotFoundError."""
        return row_or_404(self.regions(), pk, "relay region")

    def server(self, region_pk: int, pk: int) -> RelayServer:
        """A server of a region. Raises NotFoundError."""
        return row_or_404(RelayServer.objects.filter(region=self.region(region_pk)), pk, "relay server")

    def change(self) -> dict[str, Any]:
        """What every service takes."""
        return {"cause": self.cause, "now": self.now}


class RelayList(RelayView):
    rights = {"GET": "network.view", "POST": "network.manage"}
    queries = {"GET": NetworkListQuery}

    @extend_schema(responses=page_serializer(RelayOut), operation_id="admin_list_relays")
    def get(self, request: Request) -> Response:
        """Lists relay regions with their servers."""
        page = page_of(self.regions(), self.query)
        return self.answer_page(RelayOut, page, page.rows)

    @extend_schema(request=RelayNew, responses={201: RelayOut}, operation_id="admin_create_relay")
    def post(self, request: Request) -> Response:
        """Makes a relay region."""
        region = save_region(network_id=self.network.pk, **self.read(RelayNew), **self.change())
        return Response(RelayOut(region).data, status=201)


class RelayDetail(RelayView):
    rights = {"GET": "network.view", "PATCH": "network.manage", "DELETE": "network.manage"}

    @extend_schema(responses=RelayOut, operation_id="admin_get_relay")
    def get(self, request: Request, pk: int) -> Response:
        """One relay region with its servers."""
        return Response(RelayOut(self.region(pk)).data)

    @extend_schema(request=RelayEdit, responses=RelayOut, operation_id="admin_update_relay")
    def patch(self, request: Request, pk: int) -> Response:
        """Changes a relay region."""
        changes = self.read_changes(RelayEdit)
        edit_region(network_id=self.network.pk, region_id=pk, changes=changes, **self.change())
        return Response(RelayOut(self.region(pk)).data)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_delete_relay")
    def delete(self, request: Request, pk: int) -> Response:
        """Removes a relay region with its servers."""
        self.read_nothing()
        delete_region(region_id=self.region(pk).pk, **self.change())
        return Response(status=204)


class RelayServerList(RelayView):
    rights = {"POST": "network.manage"}

    @extend_schema(request=RelayServerNew, responses={201: RelayServerOut}, operation_id="admin_create_relay_server")
    def post(self, request: Request, region_pk: int) -> Response:
        """Adds a server to a relay region."""
        region = self.region(region_pk)
        server = save_server(region_id=region.pk, fields=self.read(RelayServerNew), **self.change())
        return Response(RelayServerOut(server).data, status=201)


class RelayServerDetail(RelayView):
    rights = {"GET": "network.view", "PATCH": "network.manage", "DELETE": "network.manage"}

    @extend_schema(responses=RelayServerOut, operation_id="admin_get_relay_server")
    def get(self, request: Request, region_pk: int, pk: int) -> Response:
        """One relay server."""
        return Response(RelayServerOut(self.server(region_pk, pk)).data)

    @extend_schema(request=RelayServerEdit, responses=RelayServerOut, operation_id="admin_update_relay_server")
    def patch(self, request: Request, region_pk: int, pk: int) -> Response:
        """Changes a relay server."""
        server = self.server(region_pk, pk)
        changes = self.read_changes(RelayServerEdit)
        save_server(region_id=server.region_id, server_id=server.pk, fields=changes, **self.change())
        return Response(RelayServerOut(self.server(region_pk, pk)).data)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_delete_relay_server")
    def delete(self, request: Request, region_pk: int, pk: int) -> Response:
        """Removes a relay server."""
        self.read_nothing()
        delete_server(server_id=self.server(region_pk, pk).pk, **self.change())
        return Response(status=204)
