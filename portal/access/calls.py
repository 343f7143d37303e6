"""Calls that the scripts of these pages make: JSON in, JSON out, errors as the API says them (RFC 9457)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from rest_framework import serializers

from coordinator.errors import as_ghostwire_error, problem_response
from coordinator.strict_json import parse_strict
from mesh.errors import ValidationError
from nodes.models import Network
from portal.access.tabs import network_of
from sessions_app.roles import allows

Call = Callable[[HttpRequest, Network], HttpResponse]


def call(capability: str, *, methods: Sequence[str] = ("GET",)) -> Callable[[Call], Callable[..., HttpResponse]]:
    """A view of the network that ``?network=NAME`` names, else the first, for those whose role has ``capability``."""

    def decorate(view: Call) -> Callable[..., HttpResponse]:
        @never_cache
        @wraps(view)
        def wrapped(request: HttpRequest) -> HttpResponse:
            try:
                if not allows(request.user, capability):
                    raise PermissionDenied
                if request.method not in methods:
                    answer = problem_response(ValidationError("This call has another method."))
                    answer.status_code, answer["Allow"] = 405, ", ".join(methods)
                    return answer
                network = network_of(request)
                if network is None:
                    raise Http404
                return view(request, network)
            except Exception as error:  # noqa: BLE001 - put into the family of errors, and logged there if unforeseen
                return problem_response(as_ghostwire_error(error))

        return wrapped

    return decorate


def body_of(request: HttpRequest, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The checked body of a call. Raises ValidationError and DRF's, naming the members at fault."""
    said = parse_strict(request.body)
    if not isinstance(said, dict):
        raise ValidationError("The body is an object.")
    checked = shape(data=said)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def query_of(request: HttpRequest, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The checked query of a call, without its network. Raises as ``body_of`` does."""
    checked = shape(data={name: value for name, value in request.GET.items() if name != "network"})
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)
