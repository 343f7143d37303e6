"""What all calls of the administration API share: who may call, how often, of which network, and how errors look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Final, TypeVar

from django.db.models import Model, QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from coordinator.admin_api.limits import READS, WRITES
from coordinator.admin_api.paging import NetworkQuery, Page, next_url
from coordinator.authentication import ApiTokenAuthentication
from coordinator.limits import enforce
from coordinator.openapi import CHANGES_NOTHING, AlwaysJson
from coordinator.requests import cause_of
from coordinator.strict_json import StrictJSONParser
from coordinator.views.base import read
from mesh.change import Cause
from mesh.errors import FieldError, HiddenError, NotFoundError, PermissionDeniedError, ValidationError
from nodes.models import Network
from nodes.selectors import get_network
from sessions_app.models import User
from sessions_app.roles import allows, allows_own

ANYONE: Final = "anyone"
"""In place of a capability: whoever has a token, for what belongs to the caller."""

Row = TypeVar("Row", bound=Model)
Shape = type[serializers.Serializer[Any]]


class AdminView(APIView):
    """A call for people and their programs.

    ``rights`` names the capability of ``sessions_app.roles`` that each method needs; a method that it does not name
    is refused. ``knows`` is the capability without which the caller may not even know of the noun (404); with ``own``
    such a caller reads what is its own. ``queries`` has the shape of each method's query, ``problems`` the errors
    beyond those of every call.
    """

    noun: ClassVar[str]
    knows: ClassVar[str]
    own: ClassVar[bool] = False
    rights: ClassVar[Mapping[str, str]]
    queries: ClassVar[Mapping[str, Shape]] = {}
    problems: ClassVar[Mapping[str, Sequence[int]]] = {}

    authentication_classes = (ApiTokenAuthentication,)
    permission_classes = ()
    parser_classes = (StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJson
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.now: datetime = timezone.now()
        super().initial(request, *args, **kwargs)
        self.query = self._checked_query(request)

    # Until it is known who asks, nothing may be known.
    sees_all: bool = False

    def check_permissions(self, request: Request) -> None:
        """Default deny: the token's role decides for each method.

        Raises NotFoundError for what the role may not know of, PermissionDeniedError for what it may not do.
        """
        method = _method(request)
        if method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        own = allows_own(request.user)
        knows = own if self.knows == ANYONE else allows(request.user, self.knows)
        if not knows and not (self.own and own):
            raise HiddenError("There is no such call.")
        self.sees_all = knows and self.knows != ANYONE
        right = self.rights.get(method)
        if right is None:
            raise PermissionDeniedError("This is not permitted.")
        if right == ANYONE or (self.own and own and method == "GET") or allows(request.user, right):
            return
        raise PermissionDeniedError("Your role does not permit this.")

    def handle_exception(self, exc: Exception) -> Response:
        """As DRF does; marks what is not found because the caller may not know of it, for the audit trail. What is
        gone, or never was, was refused to nobody."""
        if isinstance(exc, HiddenError) and not self.sees_all:
            self.request._request.gw_hidden = True  # type: ignore[attr-defined]
        return super().handle_exception(exc)

    def check_throttles(self, request: Request) -> None:
        """Limits each token's calls. Raises ThrottledError."""
        limit = READS if request.method in CHANGES_NOTHING else WRITES
        enforce(limit, str(request.auth.pk), self.now.timestamp())

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Answers are for the caller alone, and some hold a secret."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    def query_of(self, method: str) -> Shape:
        """The shape of a method's query."""
        return self.queries.get(method, NetworkQuery)

    def problems_of(self, method: str) -> set[int]:
        """The errors that a method answers with, for the API's description."""
        found = {401, 404, 429, *self.problems.get(method, ())}
        return found if method in CHANGES_NOTHING else found | {403}

    @cached_property
    def network(self) -> Network:
        """The network that the call speaks of. Raises NotFoundError, ValidationError if it must be named."""
        return get_network(self.query.get("network"))

    @property
    def user(self) -> User:
        """Whose token it is."""
        user = self.request.user
        assert isinstance(user, User)
        return user

    @property
    def cause(self) -> Cause:
        """The cause of what the call changes."""
        return cause_of(self.request, user_id=self.user.pk)

    def read(self, shape: Shape) -> dict[str, Any]:
        """The checked body. Raises ValidationError."""
        return read(shape, self.request)

    def read_nothing(self) -> None:
        """For calls without a body: there is none. Raises ValidationError."""
        if self.request.data:
            raise ValidationError("This call takes no body.")

    def read_changes(self, shape: Shape) -> dict[str, Any]:
        """The checked body of a PATCH: what is not given stays as it is. Raises ValidationError for an empty one."""
        changes = read(shape, self.request)
        if not changes:
            raise ValidationError("The body names nothing to change.")
        return changes

    def answer_page(self, shape: Shape, page: Page[Any], items: Sequence[Any]) -> Response:
        """A page of a list. ``items``: the page's rows as ``shape`` takes them."""
        body = {"results": shape(items, many=True).data, "next": next_url(self.request, page)}
        return Response(body)

    def _checked_query(self, request: Request) -> dict[str, Any]:
        given = request.query_params
        twice = [name for name in given if len(given.getlist(name)) > 1]
        if twice:
            errors = tuple(FieldError(name[:64], "Once is enough.") for name in twice)
            raise ValidationError("The query is refused.", errors=errors)
        checked = self.query_of(_method(request))(data=given.dict())
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)


def _method(request: Request) -> str:
    method = str(request.method).upper()
    return "GET" if method == "HEAD" else method


def row_or_404(rows: QuerySet[Row], ident: int, what: str) -> Row:
    """The row with the id ``ident`` among ``rows``. Raises NotFoundError, HiddenError where it is not among these."""
    row = rows.filter(pk=ident).first()
    if row is None:
        refused = HiddenError if rows.model._default_manager.filter(pk=ident).exists() else NotFoundError
        raise refused(f"There is no {what} {ident}.")
    return row
