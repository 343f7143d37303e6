"""The cards of a node's page."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nodes.facts import patched_ids
from nodes.models import Change, Network, Node, RelayRegion, Route
from portal import html, links
from portal.admin.history import uptime_section
from portal.events import event_lines
from portal.sections import Section, facts
from sessions_app.models import AuthKeyUse, NodeSession
from sessions_app.roles import allows

SHOWN = 8


def node_sections(request: HttpRequest, node: Node) -> list[Section]:
    """Session, endpoints and relays, routes, identity, and the latest events."""
    network = node.network
    return [
        _session(node, network),
        _endpoints(node),
        _routes(request, node),
        _identity(node),
        _addresses(node),
        *([_posture(node)] if node.posture else []),
        uptime_section(node),
        *([_events(node)] if allows(request.user, "changes.view") else []),
    ]


def _session(node: Node, network: Network) -> Section:
    now = timezone.now()
    session = NodeSession.objects.filter(node=node).order_by("ended_at", "-created_at").first()
    link = ("All sessions", links.list_url("sessions_app.nodesession", f"node={node.pk}"))
    if session is None:
        return Section("Session", span=4, link=link, empty="It never had one.")
    state: Any = node.gw_live  # type: ignore[attr-defined]
    ended = session.ended_at is not None
    return Section(
        "Session",
        span=4,
        link=link,
        facts=facts(
            ("Session", html.link(links.change_url("sessions_app.nodesession", session.pk), f"number {session.pk}")),
            ("Since", html.ago(session.created_at, now)),
            ("Ended", html.ago(session.ended_at, now)) if ended else ("Ends", html.until(session.expires_at, now)),
            ("Why", session.get_end_reason_display()) if ended else ("From", html.mono(session.origin)),
            ("Map", format_html("{} {}", network.map_version, html.dim("is current"))),
            ("Heartbeat", html.ago(state.last_seen, now)),
        ),
    )


def _endpoints(node: Node) -> Section:
    lines: list[SafeString] = [
        format_html('{}<span class="gw-end gw-dim">{}</span>', html.mono(row.address), row.get_kind_display().lower())
        for row in node.endpoints.all()
    ]
    regions = {str(r.number): r for r in RelayRegion.objects.filter(network_id=node.network_id)}
    measured = sorted(node.relay_latency_ms.items(), key=lambda item: item[1])
    for number, ms in measured[:SHOWN]:
        region = regions.get(str(number))
        name = region.name if region else f"region {number}"
        home = format_html(" {}", html.flag("home", "gw-dim")) if str(node.home_region) == str(number) else ""
        lines.append(format_html('<span>{}{}</span><span class="gw-end">{} ms</span>', name, home, round(ms)))
    return Section("Endpoints and relays", span=4, lines=lines, empty="It has told none yet.")


def _routes(request: HttpRequest, node: Node) -> Section:
    routes = list(node.routes.order_by("first", "prefix"))
    rivals = Route.objects.filter(prefix__in=[r.prefix for r in routes], primary=True).exclude(node=node)
    primaries = {route.prefix: route.node for route in rivals.select_related("node")}
    rows = [
        {
            "route": route,
            "url": f"{links.list_url('nodes.route')}{route.pk}/do/{'withdraw' if route.approved else 'approve'}/",
            "note": _route_note(route, primaries.get(route.prefix)),
        }
        for route in routes
    ]
    data = {"rows": rows, "may": allows(request.user, "routes.manage"), "csrf": request}
    empty = "" if routes else "It offers no network behind it."
    return Section("Routes", span=4, template="portal/node_routes.html" if routes else "", data=data, empty=empty)


def _route_note(route: Route, primary: Node | None) -> str:
    if not route.advertised:
        return "approved, but no longer offered"
    if not route.approved:
        return "offered, waits for approval"
    if route.prefix in ("0.0.0.0/0", "::/0"):
        return "exit node"
    if route.primary:
        return "primary"
    return f"standby, {primary.name} is primary" if primary is not None else "approved, not in force"


def _identity(node: Node) -> Section:
    use = AuthKeyUse.objects.select_related("auth_key").filter(node=node).first()
    key = html.EMPTY
    if use is not None:
        key = html.link(links.change_url("sessions_app.authkey", use.auth_key_id), str(use.auth_key))
    return Section(
        "Identity",
        span=6,
        facts=facts(
            ("Id", html.mono(node.pk)),
            ("Public key", html.mono(node.public_key)),
            ("Calls itself", html.mono(node.hostname)),
            ("Agent", f"{node.agent_kind} {node.agent_version}".strip()),
            ("Listens on", html.mono(node.listen_port)),
            ("Ephemeral", "yes, removed when it has been offline for a while" if node.ephemeral else "no"),
            ("Enrolled", html.ago(node.created_at, timezone.now())),
            ("With key", key),
        ),
    )


def _addresses(node: Node) -> Section:
    lines = [
        format_html(
            '{}<span class="gw-end gw-dim">{}</span>',
            html.link(links.change_url("nodes.address", row.pk), html.mono(row.address)),
            "fixed" if row.fixed else "from the pool",
        )
        for row in sorted(node.addresses.all(), key=lambda row: row.family)
    ]
    return Section("Addresses", span=3, lines=lines, empty="It holds none.")


def _posture(node: Node) -> Section:
    pairs = sorted(node.posture.items())
    return Section("Posture", span=3, count=len(pairs), facts=facts(*((key, str(value)) for key, value in pairs[:64])))


def _events(node: Node) -> Section:
    mine = Q(actor=f"node:{node.pk}")
    recent = Change.objects.filter(network_id=node.network_id).order_by("-version")[:200]
    wanted = [change for change in recent if _concerns(change, node.pk)] or list(
        Change.objects.filter(mine, network_id=node.network_id).order_by("-version")[:SHOWN]
    )
    url = links.list_url("nodes.change", f"q=node:{node.pk}")
    return Section(
        "Events",
        span=12,
        template="portal/events.html" if wanted else "",
        data={"events": event_lines(wanted[:SHOWN])},
        link=("All events of its agent", url),
        empty="" if wanted else "Nothing of it among the latest changes.",
    )


def _concerns(change: Change, node_id: int) -> bool:
    """Whether a change speaks of this node."""
    if change.actor == f"node:{node_id}":
        return True
    said = change.facts
    ids = [item.get("id") if isinstance(item, dict) else item for item in said.get("nodes", [])] + patched_ids(said)
    return node_id in ids or node_id in said.get("removed", []) or str(node_id) in said.get("endpoints", {})
