"""Calls of a node that is in: heartbeat, map, endpoints, routes, leaving."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.heartbeats import answer_heartbeat, update_endpoints
from coordinator.lifecycle import unregister_node
from coordinator.limits import FULL_MAPS, ROUTE_CHANGES, enforce
from coordinator.presence import note_alive
from coordinator.requests import cause_of
from coordinator.serializers import (
    EndpointsBody,
    HeartbeatRequest,
    HeartbeatResponse,
    NetmapResponse,
    RoutesBody,
    ServerResponse,
    parse_heartbeat,
)
from coordinator.snapshots import SNAPSHOTS
from coordinator.views.base import AgentView, read
from mesh.errors import ValidationError
from nodes.services.routes import replace_routes

PROTOCOL = 1


class ServerView(AgentView):
    needs_session = False

    @extend_schema(responses=ServerResponse, operation_id="server")
    def get(self, request: Request) -> Response:
        """Which server this is, and which protocol it speaks."""
        answer = {
            "name": settings.GHOSTWIRE.server.name,
            "version": settings.GHOSTWIRE_VERSION,
            "protocol": PROTOCOL,
            "server_time": self.now,
        }
        return Response(ServerResponse(answer).data)


class HeartbeatView(AgentView):
    @extend_schema(request=HeartbeatRequest, responses=HeartbeatResponse, operation_id="heartbeat")
    def post(self, request: Request) -> Response:
        """A sign of life, with what changed since the last one."""
        if not isinstance(request.data, dict):
            raise ValidationError("The body is an object.")
        report = parse_heartbeat(request.data)
        session = self.session_of(request)
        cause = cause_of(request, node_id=session.node_id)
        answer = answer_heartbeat(session=session, report=report, cause=cause, now=self.now)
        return Response(HeartbeatResponse(answer).data)


class NetmapView(AgentView):
    @extend_schema(
        responses={200: NetmapResponse, 304: None},
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)],
        operation_id="netmap",
    )
    def get(self, request: Request) -> HttpResponse:
        """The whole map of the node; 304 where it equals the one of the given ETag."""
        node = self.node_of(request)
        enforce(FULL_MAPS, str(node.pk), self.now.timestamp())
        note_alive(node.network_id, node.pk, is_online=node.online, now=self.now)
        body = SNAPSHOTS.get(node.network_id, node.network.map_version).body_of(node.pk)
        known = {tag.strip() for tag in request.META.get("HTTP_IF_NONE_MATCH", "").split(",")}
        if body.etag in known:
            return HttpResponse(status=304, headers={"ETag": body.etag})
        headers = {"ETag": body.etag, "Cache-Control": "private, no-cache"}
        return HttpResponse(body.json, content_type="application/json", headers=headers)


class EndpointsView(AgentView):
    @extend_schema(request=EndpointsBody, responses=EndpointsBody, operation_id="put_endpoints")
    def put(self, request: Request) -> Response:
        """Replaces the node's endpoints and answers them in normal form."""
        data = read(EndpointsBody, request)
        node = self.node_of(request)
        cause = cause_of(request, node_id=node.pk)
        endpoints = update_endpoints(node=node, endpoints=data["endpoints"], cause=cause, now=self.now)
        return Response({"endpoints": endpoints})


class RoutesView(AgentView):
    @extend_schema(request=RoutesBody, responses=RoutesBody, operation_id="put_routes")
    def put(self, request: Request) -> Response:
        """Replaces the routes that the node offers and answers them in normal form."""
        data = read(RoutesBody, request)
        node = self.node_of(request)
        enforce(ROUTE_CHANGES, str(node.pk), self.now.timestamp())
        cause = cause_of(request, node_id=node.pk)
        return Response({"routes": replace_routes(node_id=node.pk, prefixes=data["routes"], cause=cause, now=self.now)})


class OwnNodeView(AgentView):
    @extend_schema(request=None, responses={204: None}, operation_id="delete_own_node")
    def delete(self, request: Request) -> Response:
        """Leaves the mesh for good: address and name go into quarantine."""
        node = self.node_of(request)
        cause = cause_of(request, node_id=node.pk)
        unregister_node(node_id=node.pk, cause=cause, now=self.now)
        return Response(status=204)
