from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView, row_or_404
from coordinator.admin_api.edits import edit_node
from coordinator.admin_api.history import describe_history
from coordinator.admin_api.paging import NetworkQuery, Page, ordered_page_of, page_of, page_serializer
from coordinator.admin_api.policy_edits import EditQuery
from coordinator.admin_api.serializers.history import NodeHistoryOut
from coordinator.admin_api.serializers.nodes import (
    NodeEdit,
    NodeOut,
    NodeQuery,
    RotationsOut,
    RoutePrefixes,
    describe_nodes,
    filter_nodes,
    with_details,
)
from coordinator.admin_api.serializers.traffic import NodeTrafficOut, TrafficQuery
from coordinator.admin_api.traffic import describe_traffic
from coordinator.finding.criteria import order_of
from coordinator.lifecycle import delete_node, disable_node, enable_node, expire_node
from coordinator.maps import map_body, state_of
from coordinator.rotation import request_rotation, request_rotations
from coordinator.serializers import NetmapResponse
from mesh.errors import FieldError, ValidationError
from nodes.models import Node
from nodes.services.routes import set_route_approval


class NodeView(AdminView):
    """Of nodes. Whoever may not see all sees the own devices."""

    noun = "nodes"
    knows = "nodes.view"
    own = True

    def nodes(self) -> QuerySet[Node]:
        """The nodes of the network that the caller may know of."""
        rows = Node.objects.filter(network=self.network)
        return rows if self.sees_all else rows.filter(owner=self.user)

    def node(self, pk: int) -> Node:
        """One of them. Raises NotFoundError."""
        return row_or_404(self.nodes(), pk, "node")

    def answer(self, pk: int) -> Response:
        """A node as it now is."""
        node = row_or_404(with_details(self.nodes()), pk, "node")
        return Response(NodeOut(describe_nodes(network=self.network, nodes=[node], now=self.now)[0]).data)


class NodeList(NodeView):
    rights = {"GET": "nodes.view"}
    queries = {"GET": NodeQuery}

    @extend_schema(responses=page_serializer(NodeOut), operation_id="admin_list_nodes")
    def get(self, request: Request) -> Response:
        """Lists nodes by id, or in the order asked for, with how they do right now."""
        misplaced = "after" if "order" in self.query else "cursor"
        if misplaced in self.query:
            told = "An order goes on by cursor." if misplaced == "after" else "A cursor belongs to an order."
            raise ValidationError("The query is refused.", errors=(FieldError(misplaced, told),))
        rows = filter_nodes(self.nodes(), self.query, self.now)
        page: Page[Node]
        if "order" in self.query:
            order = order_of(self.query["order"], self.now)
            page = ordered_page_of(rows, self.query, order, details=with_details(self.nodes()))
        else:
            page = page_of(with_details(rows), self.query)
        return self.answer_page(NodeOut, page, describe_nodes(network=self.network, nodes=page.rows, now=self.now))


class NodeDetail(NodeView):
    rights = {"GET": "nodes.view", "PATCH": "nodes.manage", "DELETE": "nodes.manage"}
    queries = {"DELETE": EditQuery}
    problems = {"PATCH": (409,), "DELETE": (409,)}

    @extend_schema(responses=NodeOut, operation_id="admin_get_node")
    def get(self, request: Request, pk: int) -> Response:
        """One node."""
        return self.answer(pk)

    @extend_schema(request=NodeEdit, responses=NodeOut, operation_id="admin_update_node")
    def patch(self, request: Request, pk: int) -> Response:
        """Renames a node, gives it tags, or gives it addresses of your choice: all that is given, or nothing."""
        node = self.node(pk)
        edit_node(node_id=node.pk, changes=self.read_changes(NodeEdit), cause=self.cause, now=self.now)
        return self.answer(pk)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_delete_node")
    def delete(self, request: Request, pk: int) -> Response:
        """Removes a node, unless an enabled deny rule names it (409). Its key is refused until it is released; address
        and name go into quarantine."""
        self.read_nothing()
        forced = self.query.get("force", False)
        delete_node(node_id=self.node(pk).pk, cause=self.cause, now=self.now, forced=forced)
        return Response(status=204)


class _Act(NodeView):
    act: ClassVar[Callable[..., Any]]

    def run(self, pk: int) -> Response:
        self.read_nothing()
        type(self).act(node_id=self.node(pk).pk, cause=self.cause, now=self.now)
        return self.answer(pk)


class NodeDisable(_Act):
    rights = {"POST": "nodes.manage"}
    act = disable_node

    @extend_schema(request=None, responses=NodeOut, operation_id="admin_disable_node")
    def post(self, request: Request, pk: int) -> Response:
        """Cuts a node off until it is enabled again."""
        return self.run(pk)


class NodeEnable(_Act):
    rights = {"POST": "nodes.manage"}
    problems = {"POST": (409,)}
    act = enable_node

    @extend_schema(request=None, responses=NodeOut, operation_id="admin_enable_node")
    def post(self, request: Request, pk: int) -> Response:
        """Lets a disabled node take part again."""
        return self.run(pk)


class NodeExpire(_Act):
    rights = {"POST": "nodes.expire"}
    problems = {"POST": (409,)}
    act = expire_node

    @extend_schema(request=None, responses=NodeOut, operation_id="admin_expire_node")
    def post(self, request: Request, pk: int) -> Response:
        """Ends a node's key now: its owner must log in again."""
        return self.run(pk)


class NodeRotateKey(_Act):
    rights = {"POST": "nodes.manage"}
    problems = {"POST": (409,)}
    act = request_rotation

    @extend_schema(request=None, responses=NodeOut, operation_id="admin_rotate_node_key")
    def post(self, request: Request, pk: int) -> Response:
        """Tells a node to make a new key now. It keeps id, name, addresses and session."""
        return self.run(pk)


class NodeRotateKeys(NodeView):
    rights = {"POST": "nodes.manage"}
    queries = {"POST": NetworkQuery}

    @extend_schema(request=None, responses=RotationsOut, operation_id="admin_rotate_all_keys")
    def post(self, request: Request) -> Response:
        """Tells all active nodes of the network to make new keys, one after the other."""
        self.read_nothing()
        told = request_rotations(network_id=self.network.pk, cause=self.cause, now=self.now)
        return Response(RotationsOut({"requested": told}).data)


class NodeNetmap(NodeView):
    rights = {"GET": "nodes.view"}
    queries = {"GET": NetworkQuery}

    @extend_schema(responses=NetmapResponse, operation_id="admin_get_node_netmap")
    def get(self, request: Request, pk: int) -> HttpResponse:
        """The map exactly as this node gets it. A node that takes no part in the mesh has none (404)."""
        node, network = self.node(pk), self.network
        body = map_body(state_of(network.pk, network.map_version), node.pk)
        return HttpResponse(body.json, content_type="application/json")


class NodeHistory(NodeView):
    rights = {"GET": "nodes.view"}
    queries = {"GET": NetworkQuery}

    @extend_schema(responses=NodeHistoryOut, operation_id="admin_get_node_history")
    def get(self, request: Request, pk: int) -> Response:
        """When a node was online: its comings and goings, and its uptime by day."""
        return Response(NodeHistoryOut(describe_history(self.node(pk), self.now)).data)


class NodeTraffic(NodeView):
    rights = {"GET": "nodes.view"}
    queries = {"GET": TrafficQuery}

    @extend_schema(responses=NodeTrafficOut, operation_id="admin_get_node_traffic")
    def get(self, request: Request, pk: int) -> Response:
        """What a node received and sent through its tunnel, hour by hour."""
        hours = self.query.get("hours", 24)
        return Response(NodeTrafficOut(describe_traffic(self.node(pk), self.now, hours)).data)


class _RouteApproval(NodeView):
    rights = {"POST": "routes.manage"}
    approved: ClassVar[bool]

    def run(self, pk: int) -> Response:
        node, prefixes = self.node(pk), self.read(RoutePrefixes)["prefixes"]
        set_route_approval(node_id=node.pk, prefixes=prefixes, approved=self.approved, cause=self.cause, now=self.now)
        return self.answer(pk)


class NodeRoutesApprove(_RouteApproval):
    approved = True

    @extend_schema(request=RoutePrefixes, responses=NodeOut, operation_id="admin_approve_routes")
    def post(self, request: Request, pk: int) -> Response:
        """Approves routes that a node advertises."""
        return self.run(pk)


class NodeRoutesWithdraw(_RouteApproval):
    approved = False

    @extend_schema(request=RoutePrefixes, responses=NodeOut, operation_id="admin_withdraw_routes")
    def post(self, request: Request, pk: int) -> Response:
        """Withdraws the approval of routes."""
        return self.run(pk)
