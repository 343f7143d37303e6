"""The page of the topology: the graph, and its equal table, which needs no script."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from coordinator.policy.graph import LiveGraph, live_graph
from mesh.explain.graph import GraphBy
from nodes.models import Network
from portal.access.tabs import network_of
from portal.topology.asked import MAX_NODES, check_may_see
from portal.topology.table import table_of

BY = (("tag", "Tag"), ("user", "User"), ("class", "Class"))


def topology_page(request: HttpRequest) -> HttpResponse:
    """``?by=tag|user|class``, ``?view=graph|table``; a graph may have ``node=ID``, a table ``q=`` and ``p=``."""
    from portal.site import site  # noqa: PLC0415 - the site's URLs import this page

    check_may_see(request.user)
    request.current_app = site.name
    network = network_of(request)
    if network is None and request.GET.get("network"):
        raise Http404
    context = {**site.each_context(request), "title": "Topology", "network": network}
    if network is None:
        return TemplateResponse(request, "portal/no_network.html", context)
    by = GraphBy(request.GET["by"]) if request.GET.get("by") in list(GraphBy) else GraphBy.TAG
    found = live_graph(network_id=network.pk, by=by, now=timezone.now())
    view = "table" if request.GET.get("view") == "table" else "graph"
    context |= {
        "by": by,
        "found": found,
        "pairs": found.graph.pairs,
        "collapsed": found.nodes > MAX_NODES,
        "choices": [
            {"word": word, "url": address(request, by=name, view=view), "name": name, "current": name == by}
            for name, word in BY
        ],
        "graph_url": address(request, by=by),
        "table_url": address(request, by=by, view="table"),
        "calls": _calls(network, request),
    }
    if view == "table":
        context["table"] = table_of(found, request.GET.get("q", ""), request.GET.get("p", ""))
        context["next_url"], context["before_url"] = _pages(request, context["table"].page, context["table"].pages, by)
        return TemplateResponse(request, "portal/topology/table.html", context)
    context["absent"] = _absent(found)
    return TemplateResponse(request, "portal/topology/graph.html", context)


def address(request: HttpRequest, **said: Any) -> str:
    """The page with another query; the network that was asked for stays."""
    kept = {"network": request.GET.get("network", ""), "by": "", "view": "", "q": "", "p": "", "node": ""} | said
    defaults = {"by": "tag", "view": "graph"}
    query = {name: str(value) for name, value in kept.items() if value and str(value) != defaults.get(name)}
    return reverse("admin:topology") + (f"?{urlencode(query)}" if query else "")


def _calls(network: Network, request: HttpRequest) -> dict[str, str]:
    query = f"?{urlencode({'network': network.name})}" if request.GET.get("network") else ""
    return {name: reverse(f"admin:topology_{name}") + query for name in ("graph", "members", "reach", "find")}


def _pages(request: HttpRequest, page: int, pages: int, by: GraphBy) -> tuple[str, str]:
    said = {"by": by, "view": "table", "q": request.GET.get("q", "")}
    after = address(request, **said, p=page + 1) if page < pages else ""
    before = address(request, **said, p=page - 1) if page > 1 else ""
    return after, before


def _absent(found: LiveGraph) -> int:
    return len(found.state.topology.nodes) - found.nodes
