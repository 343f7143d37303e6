from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView
from coordinator.admin_api.paging import ListQuery, NoQuery, page_of, page_serializer
from coordinator.admin_api.serializers.networks import NetworkEdit, NetworkOut
from nodes.models import Network
from nodes.selectors import get_network
from nodes.services.network import update_network


class NetworkList(AdminView):
    noun = "networks"
    knows = "network.view"
    rights = {"GET": "network.view"}
    queries = {"GET": ListQuery}

    @extend_schema(responses=page_serializer(NetworkOut), operation_id="admin_list_networks")
    def get(self, request: Request) -> Response:
        """Lists networks."""
        page = page_of(Network.objects.all(), self.query)
        return self.answer_page(NetworkOut, page, page.rows)


class NetworkDetail(AdminView):
    noun = "networks"
    knows = "network.view"
    rights = {"GET": "network.view", "PATCH": "network.manage"}
    queries = {"GET": NoQuery, "PATCH": NoQuery}
    problems = {"PATCH": (409,)}

    @extend_schema(responses=NetworkOut, operation_id="admin_get_network")
    def get(self, request: Request, name: str) -> Response:
        """One network, by its name."""
        return Response(NetworkOut(get_network(name)).data)

    @extend_schema(request=NetworkEdit, responses=NetworkOut, operation_id="admin_update_network")
    def patch(self, request: Request, name: str) -> Response:
        """Changes settings of a network: all that are given, or none."""
        network = get_network(name)
        changes = self.read_changes(NetworkEdit)
        changed = update_network(network_id=network.pk, changes=changes, cause=self.cause, now=self.now)
        return Response(NetworkOut(changed).data)
