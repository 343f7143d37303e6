"""How relay servers and regions do, in words and glyphs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString

from nodes.models import Node, RelayRegion, RelayServer
from nodes.selectors.latencies import Latency
from portal import html, links

HOMES = 50
"""Nodes that a page of a region lists at a time."""


def server_status(server: RelayServer) -> SafeString:
    """As the portal's checks found it."""
    if not server.alive:
        return html.status("disabled", "Dead: agents are not told of it")
    if server.failing_since is not None:
        return html.status("late", "Fails")
    if server.checked_at is None:
        return html.status("waiting", "Not asked yet")
    return html.status("online", "Serves")


def server_note(server: RelayServer, now: datetime) -> SafeString:
    """Why it fails, or how fast it answered, and when it was asked."""
    parts: list[object] = []
    if server.fault:
        parts.append(server.get_fault_display())
    elif server.answer_ms is not None:
        parts.append(f"answers in {server.answer_ms:.0f} ms")
    if server.unknown_issuer:
        parts.append("the portal does not know who issued its certificate")
    asked = html.ago(server.checked_at, now, never="never asked")
    return format_html("{}{}", ", ".join(map(str, parts)) + (", asked " if server.checked_at and parts else ""), asked)


def region_status(region: RelayRegion, servers: Sequence[RelayServer]) -> SafeString:
    """How many of a region's servers serve."""
    alive = sum(server.alive for server in servers)
    if not servers:
        return html.status("offline", "No server")
    if alive == len(servers):
        failing = sum(server.failing_since is not None for server in servers)
        if failing:
            return html.status("late", f"{failing} of {alive} failing")
        if all(server.checked_at is None for server in servers):
            return html.status("waiting", "Not asked yet")
        return html.status("online", "Serves" if alive == 1 else f"All {alive} serve")
    return html.status("late" if alive else "disabled", f"{alive} of {len(servers)} alive")


def latency_words(latency: Latency | None) -> SafeString:
    """``38 ms`` as the median of those who measured."""
    if latency is None:
        return html.dim("nobody measured")
    nodes = html.many(latency.nodes, "node")
    return format_html('<span title="Median of what {} measured">{} ms</span>', nodes, round(latency.median_ms))


def home_lines(nodes: Iterable[Node], number: int) -> list[SafeString]:
    """Nodes that call a region home, with what they measured to it."""
    lines = []
    for node in nodes:
        ms = node.relay_latency_ms.get(str(number))
        told = "" if ms is None else f"{round(ms)} ms"
        lines.append(format_html('{}<span class="gw-end gw-dim">{}</span>', links.node_link(node), told))
    return lines
