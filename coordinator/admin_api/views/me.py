"""What belongs to the caller, whatever the role: devices, API tokens, browsers. Another person's is not found."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import ANYONE, AdminView, row_or_404
from coordinator.admin_api.paging import ListQuery, NoQuery, Page, page_of, page_serializer
from coordinator.admin_api.serializers.api_tokens import ApiTokenOut
from coordinator.admin_api.serializers.me import BrowserOut, DeviceEdit, MeOut
from coordinator.admin_api.serializers.nodes import NodeOut, describe_nodes, with_details
from coordinator.admin_api.views.api_tokens import ApiTokenView
from coordinator.own_devices import delete_own_device, expire_own_device, rename_own_device
from mesh.errors import HiddenError, NotFoundError
from nodes.models import Node
from sessions_app.models import PortalSession
from sessions_app.roles import ALL_CAPABILITIES, OWN, allows
from sessions_app.services.portal_sessions import sign_out

MOST_BROWSERS = 100


class OwnView(AdminView):
    """Of the caller's own things."""

    noun = "me"
    knows = ANYONE
    queries = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), NoQuery)


class Me(OwnView):
    rights = {"GET": ANYONE}

    @extend_schema(responses=MeOut, operation_id="get_me")
    def get(self, request: Request) -> Response:
        """Who you are."""
        user = self.user
        may = sorted(item for item in ALL_CAPABILITIES if allows(user, item))
        said = {name: getattr(user, name) for name in ("id", "display_name", "email", "role")}
        said |= {"login": user.username, "may": [OWN, *may], "token": request.auth.pk}
        return Response(MeOut(said).data)


class DeviceView(OwnView):
    """Of machines that belong to the caller."""

    def devices(self) -> QuerySet[Node]:
        """In all networks."""
        return with_details(Node.objects.filter(owner=self.user)).select_related("network")

    def answer(self, pk: int) -> Response:
        """A device as it now is."""
        node = row_or_404(self.devices(), pk, "device")
        return Response(NodeOut(describe_nodes(network=node.network, nodes=[node], now=self.now)[0]).data)


class DeviceList(DeviceView):
    rights = {"GET": ANYONE}
    queries = {"GET": ListQuery}

    @extend_schema(responses=page_serializer(NodeOut), operation_id="list_my_devices")
    def get(self, request: Request) -> Response:
        """Lists your devices by id, with how they do right now."""
        page = page_of(self.devices(), self.query)
        told: dict[int, dict[str, Any]] = {}
        for _, rows in groupby(sorted(page.rows, key=lambda node: node.network_id), key=lambda node: node.network_id):
            nodes = list(rows)
            described = describe_nodes(network=nodes[0].network, nodes=nodes, now=self.now)
            told |= {item["id"]: item for item in described}
        return self.answer_page(NodeOut, page, [told[node.pk] for node in page.rows])


class DeviceDetail(DeviceView):
    rights = {"GET": ANYONE, "PATCH": ANYONE, "DELETE": ANYONE}
    problems = {"PATCH": (409,), "DELETE": (409,)}

    @extend_schema(responses=NodeOut, operation_id="get_my_device")
    def get(self, request: Request, pk: int) -> Response:
        """One of your devices."""
        return self.answer(pk)

    @extend_schema(request=DeviceEdit, responses=NodeOut, operation_id="rename_my_device")
    def patch(self, request: Request, pk: int) -> Response:
        """Gives one of your devices another name."""
        name = self.read_changes(DeviceEdit)["name"]
        rename_own_device(person=self.user, node_id=pk, name=name, cause=self.cause, now=self.now)
        return self.answer(pk)

    @extend_schema(request=None, responses={204: None}, operation_id="delete_my_device")
    def delete(self, request: Request, pk: int) -> Response:
        """Removes one of your devices from the network. One that an administrator disabled stays."""
        self.read_nothing()
        delete_own_device(person=self.user, node_id=pk, cause=self.cause, now=self.now)
        return Response(status=204)


class DeviceExpire(DeviceView):
    rights = {"POST": ANYONE}
    problems = {"POST": (409,)}

    @extend_schema(request=None, responses=NodeOut, operation_id="expire_my_device")
    def post(self, request: Request, pk: int) -> Response:
        """Cuts one of your devices off until it is logged in again."""
        self.read_nothing()
        expire_own_device(person=self.user, node_id=pk, cause=self.cause, now=self.now)
        return self.answer(pk)


class MyTokenList(ApiTokenView):
    noun = "me"
    rights = {"GET": ANYONE}
    queries = {"GET": ListQuery}

    @extend_schema(responses=page_serializer(ApiTokenOut), operation_id="list_my_api_tokens")
    def get(self, request: Request) -> Response:
        """Lists your API tokens, the latest first."""
        return self.answer_list()


class MyTokenDetail(ApiTokenView):
    noun = "me"
    rights = {"GET": ANYONE, "DELETE": ANYONE}
    queries = {"GET": NoQuery, "DELETE": NoQuery}

    @extend_schema(responses=ApiTokenOut, operation_id="get_my_api_token")
    def get(self, request: Request, pk: int) -> Response:
        """One of your API tokens."""
        return self.answer(pk)

    @extend_schema(request=None, responses={204: None}, operation_id="revoke_my_api_token")
    def delete(self, request: Request, pk: int) -> Response:
        """Ends one of your API tokens, be it the one that asks."""
        self.revoke(pk)
        return Response(status=204)


class BrowserList(OwnView):
    rights = {"GET": ANYONE, "DELETE": ANYONE}

    @extend_schema(responses=page_serializer(BrowserOut), operation_id="list_my_sessions")
    def get(self, request: Request) -> Response:
        """Lists the browsers in which you are logged in, the latest first; at most 100."""
        live = PortalSession.objects.filter(user=self.user, expire_date__gt=self.now).defer("session_data")
        page = Page(list(live.order_by("-seen_at", "pk")[:MOST_BROWSERS]), None)
        return self.answer_page(BrowserOut, page, page.rows)

    @extend_schema(request=None, responses={204: None}, operation_id="end_my_sessions")
    def delete(self, request: Request) -> Response:
        """Logs you out of all browsers."""
        self.read_nothing()
        sign_out(user_id=self.user.pk, cause=self.cause, now=self.now)
        return Response(status=204)


class BrowserDetail(OwnView):
    rights = {"DELETE": ANYONE}

    @extend_schema(request=None, responses={204: None}, operation_id="end_my_session")
    def delete(self, request: Request, pk: str) -> Response:
        """Logs you out of one browser."""
        self.read_nothing()
        if not sign_out(user_id=self.user.pk, only=pk, cause=self.cause, now=self.now):
            refused = HiddenError if PortalSession.objects.filter(pk=pk).exists() else NotFoundError
            raise refused("There is no such session.")
        return Response(status=204)
