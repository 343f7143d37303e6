"""The page itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.utils import timezone

from coordinator.samples import Series, read_series
from nodes.models import Change, Network, Node
from portal import links, live
from portal.enrolment import JoinCommand
from portal.overview.alerts import alerts_of
from portal.overview.cards import cards_of
from portal.overview.charts import day_chart
from portal.overview.feed import feed_of
from portal.overview.needs import needs_of
from portal.overview.policy import policy_change
from portal.overview.start import GUIDE, first_steps, make_first_key
from portal.pools import pools_of
from sessions_app.roles import allows

RANGES: Final = {
    "hour": ("Hour", "the last hour", "last hour"),
    "day": ("Day", "the last 24 hours", "last 24 hours"),
    "month": ("Month", "the last 30 days", "last 30 days"),
}
MARKS: Final = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the fleet bar."""

    state: str
    word: str
    count: int
    x: float
    width: float
    url: str


def overview_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The page. A POST makes the key of the first steps and shows it in the answer."""
    networks = list(Network.objects.order_by("name"))
    network = _chosen(request, networks)
    now = timezone.now()
    context |= {"title": "Overview", "networks": networks, "network": network}
    if network is None:
        return TemplateResponse(request, "portal/no_network.html", context)
    command: JoinCommand | None = None
    if request.method == "POST":
        made = make_first_key(request, network, now)
        if isinstance(made, HttpResponse):
            return made
        command = made
    elif request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    if command is not None or GUIDE in request.GET or len(Node.objects.filter(network=network)[:2]) < 2:
        context |= first_steps(request, network, command, now)
        response = TemplateResponse(request, "portal/start.html", context)
        if command is not None:
            response["Cache-Control"] = "no-store"
        return response
    context |= _dashboard(request, network, now, several=len(networks) > 1)
    return TemplateResponse(request, "portal/overview.html", context)


def _chosen(request: HttpRequest, networks: list[Network]) -> Network | None:
    """The network of ``?network=``, else the first that was made."""
    wanted = request.GET.get("network", "")
    named = (network for network in networks if network.name == wanted)
    return next(named, min(networks, key=lambda network: network.pk, default=None))


def _dashboard(request: HttpRequest, network: Network, now: datetime, *, several: bool) -> dict[str, Any]:
    nodes = Node.objects.filter(network=network)
    late = live.late_ids(now)
    late_here = nodes.filter(live.one_of(late)).count() if late and several else len(late)
    fleet = live.count_fleet(late_here, nodes)
    pools = pools_of(network, now)
    hour = read_series(network_id=network.pk, name="hour", now=now)
    context: dict[str, Any] = {
        "fleet": fleet,
        "segments": _segments(fleet),
        "cards": cards_of(network, hour, now, several=several),
        "pools": pools,
        "alerts": alerts_of(network, pools, hour, now),
        "needs": needs_of(request, network, pools, now),
        **_chart(request, network, hour, now),
    }
    if allows(request.user, "changes.view"):
        context |= {"events": feed_of(network, now), "policy_change": policy_change(network)}
    return context


def _chart(request: HttpRequest, network: Network, hour: Series, now: datetime) -> dict[str, Any]:
    """The chart of the range asked for, or the same figures as a table."""
    name = request.GET.get("range", "")
    name = name if name in RANGES else "day"
    series = hour if name == "hour" else read_series(network_id=network.pk, name=name, now=now)
    _, words, title = RANGES[name]
    as_table = request.GET.get("show") == "table"
    begin = series.at[0]
    marks = []
    if allows(request.user, "policy.view"):
        changes = Change.objects.filter(network=network, kind="policy", created_at__gte=begin).order_by("-created_at")
        for pk, at, said in changes.values_list("pk", "created_at", "facts__policy_version")[:MARKS]:
            marks.append((at, f"Policy {said}" if said else "Policy", links.change_url("nodes.change", pk)))
    return {
        "chart": day_chart(series, marks=_apart(marks, timedelta(seconds=series.step * len(series.at))), words=words),
        "chart_title": title,
        "chart_range": name,
        "chart_ranges": [(key, word) for key, (word, _, _) in RANGES.items()],
        "chart_table": _rows(series) if as_table else None,
        "chart_days": name == "month",
    }


def _apart(marks: list[tuple[datetime, str, str]], span: timedelta) -> list[tuple[datetime, str, str]]:
    """Those whose words do not stand upon each other: of several close by, the latest."""
    kept: list[tuple[datetime, str, str]] = []
    for mark in marks:
        if all(abs(mark[0] - other[0]) > span / 8 for other in kept):
            kept.append(mark)
    return kept


def _rows(series: Series) -> list[dict[str, Any]]:
    """What was measured, the latest first."""
    names = ("online", "late", "offline", "waiting", "sessions", "pushes")
    rows = [
        {"at": at, **{name: series.values[name][index] for name in names}, "maps": series.map_steps[index]}
        for index, at in enumerate(series.at)
    ]
    return [row for row in reversed(rows) if row["online"] is not None or row["pushes"] is not None]


def _segments(fleet: live.Fleet) -> list[Segment]:
    """The fleet bar: 1000 wide, no segment thinner than 6, gaps of 2."""
    total = max(fleet.online + fleet.late + fleet.offline + fleet.waiting, 1)
    x, found = 0.0, []
    for state in ("online", "late", "offline", "waiting"):
        number = getattr(fleet, state)
        width = max(1000 * number / total, 6.0) if number else 0.0
        url = links.list_url("nodes.node", f"status={state}")
        found.append(Segment(state, live.WORDS[state], number, round(x, 1), round(max(width - 2, 0), 1), url))
        x += width
    return found
