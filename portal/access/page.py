"""The page of the rules."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from portal.access.tabs import network_of, tabs
from sessions_app.roles import allows


def rules_page(request: HttpRequest) -> HttpResponse:
    """The rules in order."""
    from portal.site import site

    if not allows(request.user, "policy.view"):
        raise PermissionDenied
    request.current_app = site.name
    network = network_of(request)
    context = {**site.each_context(request), "title": "Access", "gw_tabs": tabs(request, "rules", network)}
    return TemplateResponse(request, "portal/access/rules.html", context)
