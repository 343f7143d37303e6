"""What the OpenAPI description says of every call: who may call it, and which errors it answers with."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation

from coordinator.errors import CONTENT_TYPE

CHANGES_NOTHING: Final = frozenset({"GET", "HEAD", "OPTIONS"})

WORDS: Final = {
    400: "Something in the request is wrong; `errors` names the members at fault.",
    401: "Who calls could not be established, or the credential has ended.",
    403: "Not permitted.",
    404: "There is no such thing, or the caller may not know of it.",
    409: "The state of the thing, or of another one, does not allow this.",
    411: "A body needs a Content-Length.",
    412: "It was changed meanwhile: what `If-Match` names is not what is there.",
    413: "The body is larger than 64 KiB.",
    415: "Bodies are application/json without Content-Encoding.",
    429: "Too many requests.",
    503: "The database does not answer; nothing was changed.",
    507: "A pool or quota has nothing left; nothing was changed.",
}
_RETRY_AFTER: Final = {
    "Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait.", "required": True}
}


class FieldProblem(serializers.Serializer[Any]):
    """One member at fault: its path, such as ``sources.1``, and what is wrong with it.

    ``line`` and ``column``, from 1 and in characters, say where it stands in a document that was sent.
    """

    field = serializers.CharField(allow_blank=True)
    message = serializers.CharField()
    line = serializers.IntegerField(required=False, min_value=1)
    column = serializers.IntegerField(required=False, min_value=1)


class Problem(serializers.Serializer[Any]):
    """An error as RFC 9457 describes it. ``code`` is for programs, ``detail`` for people."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(allow_blank=True)
    code = serializers.ChoiceField(
        choices=(
            "validation",
            "authentication",
            "permission",
            "not_found",
            "conflict",
            "throttled",
            "database",
            "resource_exhausted",
            "internal",
        )
    )
    errors = FieldProblem(many=True, required=False)  # type: ignore[assignment]


class AlwaysJson(BaseContentNegotiation):
    """The API speaks JSON whatever ``Accept`` and ``?format=`` say: there is nothing else to choose from."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """The first parser that takes the body's media type."""
        media_type = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        """The first renderer."""
        return renderers[0], renderers[0].media_type


class ApiSchema(AutoSchema):
    """Adds to every call the errors that follow from what it is, beside those that it declares itself.

    A view may have ``problems_of(method)`` (the errors that it answers with), ``query_of(method)`` (the serializer of
    its query) and ``noun`` (its group in the description).
    """

    def get_tags(self) -> list[str]:
        return [getattr(self.view, "noun", "agent")]

    def get_override_parameters(self) -> list[OpenApiParameter | Any]:
        found = list(super().get_override_parameters())
        query = self.view.query_of(self.method) if hasattr(self.view, "query_of") else None
        return [*found, query] if query is not None and query().fields else found

    def get_auth(self) -> list[dict[str, Any]]:
        # AllowAny only says that DRF's permissions have no part in it.
        found = super().get_auth()
        return [item for item in found if item] or found

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        name = super().get_serializer_name(serializer, direction)
        return name.removesuffix("Request") if direction == "request" else name

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request" and getattr(serializer, "refuses_unknown", False):
            schema["additionalProperties"] = False
        return schema

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        responses = super()._get_response_bodies(direction)
        body = self.resolve_serializer(Problem(), "response").ref
        for status in sorted(self._problems()):
            said: dict[str, Any] = {"description": WORDS[status], "content": {CONTENT_TYPE: {"schema": body}}}
            if status in (429, 503):
                said["headers"] = _RETRY_AFTER
            responses.setdefault(str(status), said)
        return responses

    def _problems(self) -> set[int]:
        found: set[int] = {400, 503}
        if hasattr(self.view, "problems_of"):
            found |= self.view.problems_of(self.method)
        if self.method not in CHANGES_NOTHING and self.get_request_serializer() is not None:
            found |= {411, 413, 415}
        return found


class _Bearer(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    prefix: str

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        definition = build_bearer_security_scheme_object(header_name="Authorization", token_prefix="Bearer")  # noqa: S106 - a word
        return {**definition, "bearerFormat": f"{self.prefix}..."}


class NodeSessionScheme(_Bearer):  # type: ignore[no-untyped-call]
    target_class = "coordinator.authentication.NodeSessionAuthentication"
    name = "nodeSession"
    prefix = "gws_"


class ApiTokenScheme(_Bearer):  # type: ignore[no-untyped-call]
    target_class = "coordinator.authentication.ApiTokenAuthentication"
    name = "apiToken"
    prefix = "gwa_"
