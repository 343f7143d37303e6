"""The tab "Matrix" of Access. Everything on it is in its address, and nothing of it needs a script."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from coordinator.policy.heat import SHOWN, CellRules, cell_rules, live_heat
from coordinator.policy.words import brief, entries
from mesh.errors import NotFoundError
from mesh.explain.heat import Axis, Decider
from mesh.policy.rules import Rule
from mesh.policy.services import PORT_PROTOCOLS
from nodes.models import Network
from portal.access.tabs import network_of, tabs
from portal.flow_times import when_of
from portal.matrix.cells import ShownCell, grid_of, later_sentence, sentence
from portal.rule_words import schedule_words
from sessions_app.roles import allows

AXES: Final = ((Axis.USER, "User"), (Axis.GROUP, "Group and tag"), (Axis.CLASS, "Class"))
PAGE: Final = 50
MAX_WORDS: Final = 200


@dataclass(frozen=True, slots=True)
class DecidingRule:
    """A rule of the chosen cell, as a line of its card. ``later``: it is not in force now."""

    rule: Rule
    on: str
    title: str
    when: str
    later: bool
    pairs: int
    possible: int
    url: str


def matrix_page(request: HttpRequest) -> HttpResponse:
    """``?axis=group|user|class``, ``view=map|table``, ``q=`` (filter), ``from=``, ``to=`` (a cell), ``p=`` (page)."""
    from portal.site import site  # noqa: PLC0415 - the site's URLs import this page

    if not allows(request.user, "policy.view"):
        raise PermissionDenied
    request.current_app = site.name
    network = network_of(request)
    if network is None and request.GET.get("network"):
        raise Http404
    context = {**site.each_context(request), "title": "Access", "network": network}
    if network is None:
        return TemplateResponse(request, "portal/no_network.html", context)
    context["gw_tabs"] = tabs(request, "matrix", network)
    return TemplateResponse(request, "portal/matrix/matrix.html", context | _context(request, network))


def _context(request: HttpRequest, network: Network) -> dict[str, Any]:
    axis = Axis(request.GET["axis"]) if request.GET.get("axis") in list(Axis) else Axis.GROUP
    words = request.GET.get("q", "").strip()[:MAX_WORDS]
    found = live_heat(network_id=network.pk, axis=axis, words=words, limit=SHOWN)
    grid = [[_linked(request, cell) for cell in row] for row in grid_of(found)]
    table = request.GET.get("view") == "table"
    return {
        "axis": axis,
        "words": words,
        "found": found,
        "table": table,
        "grid": list(zip(found.rows, grid, strict=True)),
        "axes": [
            {"word": word, "current": item == axis, "url": _address(request, axis=item, q="", p="", **_no_cell)}
            for item, word in AXES
        ],
        "map_url": _address(request, view="", p=""),
        "table_url": _address(request, view="table", p=""),
        "plain_url": _address(request, q="", p="", **_no_cell),
        "source": _source(request, grid),
        "chosen": _chosen(request, network, axis),
    } | (_page(request, grid) if table else {})


_no_cell: Final = {"from": "", "to": ""}


def _address(request: HttpRequest, **said: Any) -> str:
    """The page with another query."""
    kept = {name: request.GET.get(name, "") for name in ("network", "axis", "view", "q", "from", "to", "p")} | said
    query = {name: str(value) for name, value in kept.items() if value and (name, str(value)) != ("axis", Axis.GROUP)}
    return reverse("admin:matrix") + (f"?{urlencode(query)}" if query else "")


def _linked(request: HttpRequest, cell: ShownCell) -> ShownCell:
    ends = {"from": cell.source.key, "to": cell.target.key}
    current = all(request.GET.get(name) == value for name, value in ends.items())
    return replace(cell, url=_address(request, **ends, p="") + "#cell", current=current)


def _source(request: HttpRequest, grid: list[list[ShownCell]]) -> dict[str, Any] | None:
    """For narrow windows: one row alone, chosen by its name, with what it may do first."""
    if not grid:
        return None
    wanted = request.GET.get("from", "")
    row = next((cells for cells in grid if cells[0].source.key == wanted), grid[0])
    order = {"open": 0, "later": 1, "denied": 2, "none": 3, "self": 4}
    return {"row": row[0].source, "cells": sorted(row, key=lambda cell: order[cell.kind])}


def _page(request: HttpRequest, grid: list[list[ShownCell]]) -> dict[str, Any]:
    """One page of the equal table: every cell of the map that is not empty."""
    cells = [cell for row in grid for cell in row if cell.kind in ("open", "later", "denied")]
    pages = max(1, -(-len(cells) // PAGE))
    asked = request.GET.get("p", "")
    number = min(max(int(asked), 1), pages) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
    shown = cells[(number - 1) * PAGE : number * PAGE]
    return {
        "cells": shown,
        "total": len(cells),
        "first": (number - 1) * PAGE + 1 if shown else 0,
        "last": (number - 1) * PAGE + len(shown),
        "before_url": _address(request, p=number - 1) if number > 1 else "",
        "next_url": _address(request, p=number + 1) if number < pages else "",
    }


def _chosen(request: HttpRequest, network: Network, axis: Axis) -> dict[str, Any] | None:
    """The card of the chosen cell; ``gone`` where there is no such row any more."""
    source, target = request.GET.get("from", ""), request.GET.get("to", "")
    if not (source and target):
        return None
    try:
        found = cell_rules(network_id=network.pk, axis=axis, source=source, target=target)
    except NotFoundError as error:
        return {"gone": error.detail}
    return {
        "source": found.source.words,
        "target": found.target.words,
        "wire": _wire(found),
        "sentence": sentence(found.cell.flow, found.cell.possible) if found.cell.flow.pairs else "",
        "later": later_sentence(found.cell.flow, found.cell.possible) if found.cell.flow.later else "",
        "denied": found.cell.denied,
        "rules": [_line(item, found.cell.possible, request) for item in found.deciders],
        "explain": _explain(request, found) if allows(request.user, "nodes.view") else "",
        "example": found.example,
    }


def _wire(found: CellRules) -> str:
    when = when_of(found.cell.flow)
    if not found.cell.flow.pairs:
        return "times" if when == "later" and not found.cell.denied else "cut"
    return "times" if when == "times" else "accept"


def _line(found: Decider, possible: int, request: HttpRequest) -> DecidingRule:
    rule = found.rule
    services = rule.services()
    network = request.GET.get("network", "")
    access = reverse("admin:access") + (f"?{urlencode({'network': network})}" if network else "")
    return DecidingRule(
        rule,
        "anything" if not rule.protocols and not rule.ports else brief(services),
        ", ".join(entries(services)),
        schedule_words(rule.schedule) if rule.schedule is not None else "always",
        found.later,
        found.pairs,
        possible,
        f"{access}#rule-{rule.id}" if rule.id else access,
    )


def _explain(request: HttpRequest, found: CellRules) -> str:
    """The box that explains, filled in with one pair of the cell and what it may use."""
    if found.example is None:
        return ""
    asked = {"from": found.example[0], "to": found.example[1], "on": _on(found)}
    if request.GET.get("network"):
        asked["network"] = request.GET["network"]
    return f"{reverse('admin:access')}?{urlencode(asked)}#explain"


def _on(found: CellRules) -> str:
    for protocol, ranges in found.cell.flow.services or found.cell.flow.opens:
        if protocol in PORT_PROTOCOLS and ranges[0].first > 0:
            return f"{'tcp' if protocol == 6 else 'udp' if protocol == 17 else 'sctp'}/{ranges[0].first}"
    return "tcp/443"
