"""Calls of a node that is in: heartbeat, map, endpoints, routes, leaving."""

from __future__ import annotations

import re
from typing import Final

import zstandard
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.agent_messages import parse_since
from coordinator.fanout import Audience
from coordinator.heartbeats import update_endpoints
from coordinator.lifecycle import unregister_node
from coordinator.limits import FULL_MAPS, ROUTE_CHANGES, enforce
from coordinator.maps import delta_since, map_body, state_of
from coordinator.policy.routes import put_routes
from coordinator.presence import note_alive
from coordinator.requests import cause_of
from coordinator.serializers import (
    MAP_OR_DELTA,
    EndpointsBody,
    HeartbeatRequest,
    HeartbeatResponse,
    RoutesBody,
    ServerResponse,
)
from coordinator.views.base import AgentView, read

PROTOCOL: Final = 1
ZSTD_LEVEL: Final = 3
_ZERO: Final = re.compile(r"q\s*=\s*0(?:\.0{0,3})?")


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
    """Describes the call and refuses other methods; ``coordinator.hot_path`` answers it before it comes here."""

    problems = {"POST": (429,)}

    @extend_schema(request=HeartbeatRequest, responses=HeartbeatResponse, operation_id="heartbeat")
    def post(self, request: Request) -> Response:
        """A sign of life, with what changed since the last one."""
        raise ImproperlyConfigured("Heartbeats are answered in front of Django: serve ghostwire_site.asgi.")


class NetmapView(AgentView):
    problems = {"GET": (429,)}

    @extend_schema(
        responses={200: MAP_OR_DELTA, 304: None},
        parameters=[
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER),
            OpenApiParameter("since", str, description="EPOCH.VERSION: a delta from there, if it can be told."),
        ],
        operation_id="netmap",
    )
    def get(self, request: Request) -> HttpResponse:
        """The whole map of the node; 304 where it equals the one of the given ETag. With ``since`` a delta."""
        node = self.node_of(request)
        since = request.query_params.get("since")
        if since is not None:
            audience = Audience(node.network_id, node.pk, self.session_of(request).pk)
            delta = delta_since(audience, parse_since(since))
            if delta is not None:
                note_alive(node.network_id, node.pk, is_online=node.online, now=self.now)
                return HttpResponse(delta, content_type="application/json", headers={"Cache-Control": "no-store"})
        enforce(FULL_MAPS, str(node.pk), self.now.timestamp())
        note_alive(node.network_id, node.pk, is_online=node.online, now=self.now)
        body = map_body(state_of(node.network_id, node.network.map_version), node.pk)
        headers = {"ETag": body.etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
        if _is_known(body.etag, request.META.get("HTTP_IF_NONE_MATCH", "")):
            return HttpResponse(status=304, headers=headers)
        content = body.json
        if _takes_zstd(request.META.get("HTTP_ACCEPT_ENCODING", "")):
            content = zstandard.ZstdCompressor(ZSTD_LEVEL).compress(content)
            headers["Content-Encoding"] = "zstd"
        return HttpResponse(content, content_type="application/json", headers=headers)


def _is_known(etag: str, if_none_match: str) -> bool:
    """Whether the caller has the map already: weak comparison, RFC 9110 section 13.1.2."""
    opaque = etag.removeprefix("W/")
    return any(tag == "*" or tag.removeprefix("W/") == opaque for tag in parse_etags(if_none_match))


def _takes_zstd(accept_encoding: str) -> bool:
    """Whether zstd stands among the accepted codings (RFC 9110 section 12.5.3) and is not refused with ``q=0``."""
    for coding in accept_encoding.lower().split(","):
        name, *parameters = (part.strip() for part in coding.split(";"))
        if name == "zstd":
            return not any(_ZERO.fullmatch(parameter) for parameter in parameters)
    return False


class EndpointsView(AgentView):
    problems = {"PUT": (429,)}

    @extend_schema(request=EndpointsBody, responses=EndpointsBody, operation_id="put_endpoints")
    def put(self, request: Request) -> Response:
        """Replaces the node's endpoints and answers them in normal form."""
        data = read(EndpointsBody, request)
        node = self.node_of(request)
        cause = cause_of(request, node_id=node.pk)
        endpoints = update_endpoints(node=node, endpoints=data["endpoints"], cause=cause, now=self.now)
        return Response({"endpoints": endpoints})


class RoutesView(AgentView):
    problems = {"PUT": (429,)}

    @extend_schema(request=RoutesBody, responses=RoutesBody, operation_id="put_routes")
    def put(self, request: Request) -> Response:
        """Replaces the routes that the node offers and answers them in normal form."""
        data = read(RoutesBody, request)
        node = self.node_of(request)
        enforce(ROUTE_CHANGES, str(node.pk), self.now.timestamp())
        cause = cause_of(request, node_id=node.pk)
        return Response({"routes": put_routes(node_id=node.pk, prefixes=data["routes"], cause=cause, now=self.now)})


class OwnNodeView(AgentView):
    problems = {"DELETE": (409,)}

    @extend_schema(request=None, responses={204: None}, operation_id="delete_own_node")
    def delete(self, request: Request) -> Response:
        """Leaves the mesh for good: address and name go into quarantine."""
        node = self.node_of(request)
        cause = cause_of(request, node_id=node.pk)
        unregister_node(node_id=node.pk, cause=cause, now=self.now)
        return Response(status=204)
