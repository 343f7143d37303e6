from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from coordinator.authentication import NodeSessionAuthentication
from coordinator.openapi import AlwaysJson
from coordinator.strict_json import StrictJSONParser
from mesh.errors import LengthRequiredError, ValidationError
from nodes.models import Node
from sessions_app.models import NodeSession


class AgentView(APIView):
    """A call of the agents' API. ``needs_session`` False: anybody may call it.

    ``problems`` has the errors of each method for the API's description, beyond those that follow from the session.
    """

    needs_session: ClassVar[bool] = True
    problems: ClassVar[Mapping[str, Sequence[int]]] = {}
    parser_classes = (StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJson
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    permission_classes: tuple[type[BasePermission], ...] = (AllowAny,)

    def get_authenticators(self) -> list[Any]:
        return [NodeSessionAuthentication()] if self.needs_session else []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.now = timezone.now()
        super().initial(request, *args, **kwargs)

    def problems_of(self, method: str) -> set[int]:
        """The errors that a method answers with. 404: the node left while the call was under way."""
        return {*self.problems.get(method, ()), *((401, 403, 404) if self.get_authenticators() else ())}

    def session_of(self, request: Request) -> NodeSession:
        """The session that the request came with."""
        session = request.auth
        assert isinstance(session, NodeSession)
        return session

    def node_of(self, request: Request) -> Node:
        """The node that the request speaks for."""
        return self.session_of(request).node


def read(serializer: Any, request: Request) -> dict[str, Any]:
    """The checked body of a request. Raises ValidationError, LengthRequiredError for a body of unknown length."""
    if "CONTENT_LENGTH" not in request.META and request.META.get("HTTP_TRANSFER_ENCODING"):
        raise LengthRequiredError("Send Content-Length.")
    if not isinstance(request.data, dict):
        raise ValidationError("The body is an object.")
    checked = serializer(data=request.data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)
