"""Maps the error family to HTTP, in one place: RFC 9457 problem details, for Django, DRF and plain ASGI alike."""

from __future__ import annotations

import math
from typing import Any

import structlog
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from redis.exceptions import RedisError
from rest_framework import exceptions as drf
from rest_framework.response import Response

from coordinator.metrics import REFUSALS
from mesh.errors import (
    AuthenticationError,
    DatabaseError,
    FieldError,
    GhostWireError,
    InternalError,
    NotFoundError,
    PermissionDeniedError,
    ThrottledError,
    UnsupportedMediaTypeError,
    ValidationError,
)
from mesh.tokens import mask

CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = 5.0

log = structlog.get_logger(__name__)


def problem(error: GhostWireError) -> dict[str, Any]:
    """The body of an error: type, title, status, detail, code, and for validation the members at fault.

    Every refused request comes by here, whoever answers it, and is counted.
    """
    REFUSALS.labels("request", error.code).inc()
    body: dict[str, Any] = {
        "type": f"urn:ghostwire:error:{error.code}",
        "title": error.title,
        "status": error.status,
        # Masked, since a detail may quote what was sent, and errors end up in logs of agents and proxies.
        "detail": mask(error.detail),
        "code": error.code,
    }
    if isinstance(error, ValidationError):
        body["errors"] = [_fault(item) for item in error.errors]
    return body


def _fault(fault: FieldError) -> dict[str, Any]:
    place = {"line": fault.line, "column": fault.column} if fault.line else {}
    return {"field": mask(fault.field), "message": mask(fault.message)} | place


def headers(error: GhostWireError) -> dict[str, str]:
    """The headers that go with an error: when to come back, and how to authenticate."""
    if error.retry_after is not None:
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    if isinstance(error, AuthenticationError):
        return {"WWW-Authenticate": "Bearer"}
    return {}


def as_ghostwire_error(error: Exception) -> GhostWireError:
    """Puts any exception into the family. What is not foreseen becomes InternalError and is logged with its trace."""
    if isinstance(error, GhostWireError):
        return error
    if isinstance(error, OperationalError | InterfaceError | RedisError):
        log.error("store.unavailable", exc_info=error)
        return DatabaseError("The database does not answer. Nothing was changed.", retry_after=RETRY_SECONDS)
    if isinstance(error, IntegrityError):
        # Two calls raced for one thing across locks, such as one key in two networks: another try meets the winner.
        log.error("store.conflict", exc_info=error)
        return DatabaseError("Somebody else was faster. Nothing was changed.", retry_after=RETRY_SECONDS)
    translated = _translated(error)
    if translated is not None:
        return translated
    log.error("request.failed", exc_info=error)
    return InternalError("Something went wrong in the portal. Nothing was changed.")


def _translated(error: Exception) -> GhostWireError | None:  # noqa: PLR0911 - one return a kind reads best
    match error:
        case drf.ValidationError():
            return ValidationError("The request is refused.", errors=tuple(flatten(error.detail)))
        case drf.ParseError() | BadRequest() | SuspiciousOperation():
            return ValidationError("The request cannot be read.")
        case drf.UnsupportedMediaType():
            return UnsupportedMediaTypeError("Send application/json.")
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return AuthenticationError("Authentication is needed.")
        case drf.PermissionDenied() | PermissionDenied():
            return PermissionDeniedError("This is not permitted.")
        case drf.NotFound() | Http404():
            return NotFoundError("There is no such thing.")
        case drf.Throttled():
            return ThrottledError("Too many requests.", retry_after=getattr(error, "wait", None) or RETRY_SECONDS)
    return None


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's hook. Methods that do not exist and representations that cannot be had keep their own status."""
    if isinstance(error, drf.MethodNotAllowed | drf.NotAcceptable):
        mapped: GhostWireError = ValidationError(str(error.detail))
        title = str(error.default_detail).split(".", maxsplit=1)[0]
        body = problem(mapped) | {"status": error.status_code, "title": title}
        extra = {"Allow": ", ".join(context["view"].allowed_methods)} if error.status_code == 405 else {}
        return Response(body, status=error.status_code, headers=extra, content_type=CONTENT_TYPE)
    mapped = as_ghostwire_error(error)
    return Response(problem(mapped), status=mapped.status, headers=headers(mapped), content_type=CONTENT_TYPE)


def problem_response(error: GhostWireError) -> HttpResponse:
    """An error as a plain Django response, for views outside DRF."""
    return JsonResponse(problem(error), status=error.status, headers=headers(error), content_type=CONTENT_TYPE)


@csrf_exempt  # else whoever writes to a path that does not exist is told that a form has expired
def api_not_found(request: HttpRequest, path: str = "") -> HttpResponse:
    """What any other path below /api/ answers."""
    return problem_response(NotFoundError("There is no such call."))


def flatten(detail: Any, path: str = "") -> list[FieldError]:
    """DRF's nested error details as fields with their paths, such as ``routes.3``."""
    if isinstance(detail, dict):
        return [item for key, value in detail.items() for item in flatten(value, _join(path, str(key)))]
    if isinstance(detail, list):
        found = []
        for index, value in enumerate(detail):
            inner = _join(path, str(index)) if isinstance(value, dict | list) else path
            found.extend(flatten(value, inner))
        return found
    return [FieldError(path.removesuffix(".non_field_errors") or "body", str(detail))]


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
