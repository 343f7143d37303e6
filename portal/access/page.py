"""The page of the rules: a list to read without scripts, an editor with them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from acl.models import AclRule
from acl.selectors import labels_for
from nodes.models import Network
from portal.access.flows import ask
from portal.access.tabs import network_of, tabs
from portal.rule_words import sentence
from sessions_app.roles import allows


def rules_page(request: HttpRequest) -> HttpResponse:
    """The rules in order, what a draft of them would do, and the box that explains."""
    from portal.site import site  # noqa: PLC0415 - the site's URLs import this page

    if not allows(request.user, "policy.view"):
        raise PermissionDenied
    request.current_app = site.name
    network = network_of(request)
    if network is None and request.GET.get("network"):
        raise Http404
    context = {**site.each_context(request), "title": "Access", "gw_tabs": tabs(request, "rules", network)}
    if network is not None:
        context |= _context(request, network)
    return TemplateResponse(request, "portal/access/rules.html", context)


def _context(request: HttpRequest, network: Network) -> dict[str, Any]:
    now = timezone.now()
    may_edit = allows(request.user, "policy.manage")
    return {
        "network": network,
        "networks": list(Network.objects.order_by("pk")),
        "may_edit": may_edit,
        "version": network.policy_version,
        "rows": _rows(network),
        "asked": ask(network.pk, request.GET, now),
    }


def _rows(network: Network) -> list[dict[str, Any]]:
    """The rules as sentences, for reading without scripts."""
    rules = list(AclRule.objects.filter(network=network).order_by("position"))
    labels = labels_for([text for rule in rules for text in (*rule.sources, *rule.destinations)])
    return [{"rule": rule, "sentence": sentence(rule, labels)} for rule in rules]
