"""The smaller cards of a node's page: session, endpoints and relays, routes, key, identity, addresses, posture."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Count, Max
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from coordinator.consequences import reached_once_approved
from mesh.errors import ValidationError
from mesh.keys import decode_public_key, fingerprint
from nodes.models import Endpoint, Node, Observation, RelayRegion, RetiredKey, Route
from portal import html, links, live
from portal.node.map_page import may_see_map
from portal.node.told import Told
from portal.sections import Section, facts
from sessions_app.models import AuthKeyUse, NodeSession
from sessions_app.roles import allows

SHOWN: Final = 8
ROUTES: Final = 50


def session_section(request: HttpRequest, node: Node, told: Told, now: datetime) -> Section:
    """The session that is or was, with the map that its agent has and its heartbeats."""
    session = NodeSession.objects.filter(node=node).order_by("ended_at", "-created_at").first()
    state: live.Live = node.gw_live  # type: ignore[attr-defined]
    version: Any = html.mono(node.network.map_version)
    if may_see_map(request):
        version = html.link(reverse("admin:nodes_node_map", args=[node.pk]), version)
    words = format_html('<span class="{}">{}</span>', "gw-warn" if told.behind else "gw-dim", told.words)
    rows: list[tuple[str, Any]] = [
        ("Map", format_html("{} {}", version, words)),
        ("Heartbeat", html.ago(state.last_seen, now)),
    ]
    revoke = ""
    if session is not None:
        ended = session.ended_at is not None
        url = links.change_url("sessions_app.nodesession", session.pk)
        rows = [
            ("Since", format_html("{} {}", html.ago(session.created_at, now), html.link(url, f"number {session.pk}"))),
            ("Ended", html.ago(session.ended_at, now)) if ended else ("Ends", html.until(session.expires_at, now)),
            ("Why", session.get_end_reason_display()) if ended else ("From", html.mono(session.origin)),
            *rows,
        ]
        if not ended and allows(request.user, "nodes.manage"):
            back = urlencode({"next": request.path})
            revoke = reverse("admin:sessions_app_nodesession_do", args=[session.pk, "revoke"]) + "?" + back
    return Section(
        "Session",
        span=4,
        link=("All", links.list_url("sessions_app.nodesession", f"node={node.pk}")),
        template="portal/node/session.html",
        data={"facts": facts(*rows), "revoke": revoke, "none": session is None},
        ident="gw-session",
        refresh="sessions presence nodes",
    )


def endpoints_section(node: Node, now: datetime) -> Section:
    """Where it can be reached, how many peers saw it there, and how far relays are."""
    seen = dict(
        Observation.objects.filter(node=node).order_by().values_list("address").annotate(number=Count("pk"))[:SHOWN]
    )
    lines: list[SafeString] = []
    for row in node.endpoints.all():
        by = seen.pop(row.address, 0)
        if row.kind == Endpoint.Kind.OBSERVED:
            note = f"seen by {html.many(by, 'peer')}"
        else:
            note = row.get_kind_display().lower() + (f", seen by {html.many(by, 'peer')}" if by else "")
        lines.append(format_html('{}<span class="gw-end gw-dim">{}</span>', html.mono(row.address), note))
    for address, by in seen.items():
        note = f"seen by {html.many(by, 'peer')}, not told on"
        lines.append(format_html('{}<span class="gw-end gw-dim">{}</span>', html.mono(address), note))
    lines += _relays(node)
    return Section(
        "Endpoints and relays",
        span=4,
        lines=lines,
        empty="It has told none yet.",
        link=("Reports", links.list_url("nodes.observation", urlencode({"q": node.name}))) if lines else None,
        ident="gw-endpoints",
        refresh="endpoints nodes",
    )


def _relays(node: Node) -> list[SafeString]:
    regions = {region.number: region for region in RelayRegion.objects.filter(network_id=node.network_id)}
    found = []
    for number, ms in sorted(node.relay_latency_ms.items(), key=lambda item: item[1])[:SHOWN]:
        region = regions.get(int(number))
        name = f"region {number}"
        if region is not None:
            name = html.link(links.change_url("nodes.relayregion", region.pk), region.name)
        home = format_html(" {}", html.flag("home", "gw-dim")) if str(node.home_region) == str(number) else ""
        found.append(format_html('<span>{}{}</span><span class="gw-end">{} ms</span>', name, home, round(ms)))
    return found


def routes_section(request: HttpRequest, node: Node) -> Section:
    """What it offers, each with its switch, and the way to the internet apart."""
    routes = list(node.routes.order_by("first", "prefix")[:ROUTES])
    rivals = Route.objects.filter(
        network_id=node.network_id, prefix__in=[route.prefix for route in routes], advertised=True, approved=True
    ).exclude(node=node)
    others: dict[str, list[Route]] = {}
    for route in rivals.select_related("node").order_by("-primary", "node_id")[:200]:
        others.setdefault(route.prefix, []).append(route)
    waiting = [route.prefix for route in routes if route.advertised and not route.approved]
    reach = reached_once_approved(network_id=node.network_id, node_id=node.pk, prefixes=waiting)
    rows = [
        {
            "route": route,
            "name": "Exit node" if is_exit(route) else "",
            "url": links.change_url("nodes.route", route.pk),
            "do": reverse("admin:nodes_route_do", args=[route.pk, "withdraw" if route.approved else "approve"]),
            "note": route_note(route, others.get(route.prefix, []), reach),
        }
        for route in routes
    ]
    data = {"rows": rows, "may": allows(request.user, "routes.manage")}
    return Section(
        "Routes",
        span=4,
        template="portal/node_routes.html" if routes else "",
        data=data,
        empty="" if routes else "It offers no network behind it.",
        ident="gw-routes",
        refresh="nodes policy",
    )


def is_exit(route: Route) -> bool:
    """Whether a route offers the way to the internet."""
    return route.prefix in ("0.0.0.0/0", "::/0")


def route_note(route: Route, others: list[Route], reach: Mapping[str, int]) -> str:
    """What became of the wish to serve a prefix, who else does, and whom an approval would let in."""
    if not route.advertised:
        return "approved, but no longer offered"
    if not route.approved:
        number = reach.get(route.prefix)
        who = "" if number is None else f": {html.many(number, 'node')} would reach it"
        return f"waits for approval{who}"
    if is_exit(route):
        return "approved exit node" + (f", one of {len(others) + 1}" if others else "")
    names = ", ".join(other.node.name for other in others[:3])
    if route.primary:
        return f"primary, standby {names}" if others else "primary, the only router"
    first = next((other for other in others if other.primary), None)
    return f"standby, {first.node.name} is primary" if first is not None else "approved, not in force"


def key_section(node: Node, now: datetime) -> Section:
    """The WireGuard key: what people compare, since when it is, when it is replaced, when its owner must log in."""
    try:
        print_ = fingerprint(decode_public_key(node.public_key))
    except ValidationError:
        print_ = ""
    every = timedelta(seconds=node.network.key_rotation_seconds)
    if node.rotate_requested_at is not None:
        rotation: Any = format_html("asked for {}", html.ago(node.rotate_requested_at, now))
    elif every:
        due = node.key_created_at + every
        rotation = html.until(due, now) if due > now else format_html("due {}", html.ago(due, now))
    else:
        rotation = html.dim("never by itself")
    former = RetiredKey.objects.filter(node_id_was=node.pk).aggregate(number=Count("pk"), last=Max("created_at"))
    before = None
    if former["number"]:
        url = links.list_url("nodes.retiredkey", urlencode({"q": node.name}))
        before = html.link(url, f"{html.many(former['number'], 'key')}, refused since")
    return Section(
        "Key",
        span=4,
        facts=facts(
            ("Fingerprint", html.mono(print_)),
            ("Public key", html.mono(node.public_key)),
            ("In use", html.ago(node.key_created_at, now)),
            ("Rotates", rotation),
            ("Ends", html.until(node.key_expires_at, now, soon=timedelta(days=7))),
            ("Before it", before),
        ),
        ident="gw-key",
        refresh="nodes",
    )


def identity_section(node: Node, now: datetime) -> Section:
    """Who it says it is, how it came in, and which addresses it has."""
    use = AuthKeyUse.objects.select_related("auth_key").filter(node=node).first()
    key = None
    if use is not None:
        key = html.link(links.change_url("sessions_app.authkey", use.auth_key_id), str(use.auth_key))
    held = [
        format_html(
            "{} {}",
            html.link(links.change_url("nodes.address", row.pk), html.mono(row.address)),
            html.dim("fixed") if row.fixed else "",
        )
        for row in sorted(node.addresses.all(), key=lambda row: row.family)
    ]
    return Section(
        "Identity",
        span=4,
        facts=facts(
            ("Id", html.mono(node.pk)),
            *(("Address" if not index else "", item) for index, item in enumerate(held)),
            ("Calls itself", html.mono(node.hostname)),
            ("Agent", f"{node.agent_kind} {node.agent_version}".strip()),
            ("Listens on", html.mono(node.listen_port)),
            *([("Ephemeral", "removed once it was offline for half an hour")] if node.ephemeral else []),
            ("Enrolled", html.ago(node.created_at, now)),
            ("With key", key),
        ),
    )


def posture_section(node: Node) -> Section:
    """What it reports of itself, which conditions of rules may ask for."""
    pairs = sorted(node.posture.items())[:64]
    return Section(
        "Posture",
        span=4,
        count=len(node.posture) or None,
        facts=facts(
            *((key, html.mono(str(value).lower() if isinstance(value, bool) else value)) for key, value in pairs)
        ),
        empty="It reports nothing of itself: rules with conditions do not let it in.",
        ident="gw-posture",
        refresh="nodes",
    )
