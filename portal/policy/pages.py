"""What the pages about the policy have in common: who may, which network, and the context that each page has."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from nodes.models import Network
from portal.access.tabs import network_of, tabs
from sessions_app.roles import allows

Page = Callable[..., HttpResponse]


def page(capability: str) -> Callable[[Page], Page]:
    """Makes a view of the network that ``?network=NAME`` names, else the first: it gets it as ``network``.

    403 for whoever's role has not the capability, 404 where there is no such network.
    """

    def decorate(view: Page) -> Page:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not allows(request.user, capability):
                raise PermissionDenied
            network = network_of(request)
            if network is None:
                raise Http404
            return view(request, *args, network=network, **kwargs)

        return guarded

    return decorate


def show(
    request: HttpRequest, network: Network, template: str, tab: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """A page below the tabs of Access."""
    from portal.site import site  # noqa: PLC0415 - the site asks the areas for their URLs

    request.current_app = site.name
    every = site.each_context(request)
    mine = {
        "title": "Access",
        "network": network,
        "gw_tabs": tabs(request, tab, network),
        "may_edit": allows(request.user, "policy.manage"),
        "query": network_query(request),
    }
    return TemplateResponse(request, f"portal/policy/{template}.html", {**every, **mine, **context}, status=status)


def network_query(request: HttpRequest) -> str:
    """``?network=NAME`` where the request says so, else nothing: for the links of a page."""
    name = request.GET.get("network")
    return "?" + urlencode({"network": name}) if name else ""


def address(request: HttpRequest, view: str, *args: Any) -> str:
    """The address of one of these pages, in the network that the request speaks of."""
    return reverse(f"admin:{view}", args=args) + network_query(request)
