"""The latest events of one node: what changed it, whose policy changed what it reaches, and when it was away.

Comings and goings are told by spans, with how long they lasted.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from django.utils.html import format_html

from coordinator.events import Cursor, Wanted, search_events
from coordinator.replica import REPLICAS
from nodes.models import Change, Node, OnlineSpan
from portal import html
from portal.acknowledged import have_them, have_words
from portal.events import event_lines

SHOWN: Final = 8
WINDOW: Final = 1000
"""Versions that are looked through for policies."""
KINDS: Final = ("nodes", "endpoints", "sessions", "network")


def events_of(node: Node, now: datetime) -> list[dict[str, Any]]:
    """The lines, the latest first."""
    changes = [*_changes(node), *_policies(node)]
    changes.sort(key=lambda change: -change.version)
    changes = changes[:SHOWN]
    lines = event_lines(changes)
    have = have_them(node.network_id, [change.version for change in changes])
    for line, change in zip(lines, changes, strict=True):
        line.update(have_words(have, change.version))
        if change.kind == "policy":
            line["text"] = format_html("{}: {}", line["text"], reach_words(node.pk, change.version))
    lines += _away(node, now)
    return sorted(lines, key=lambda line: line["at"], reverse=True)[:SHOWN]


def _changes(node: Node) -> list[Change]:
    wanted = Wanted(node_id=node.pk, network_id=node.network_id, kinds=KINDS)
    found = search_events(wanted, Cursor(), limit=SHOWN)
    return [event.change for event in found.events if event.change is not None]


def _policies(node: Node) -> list[Change]:
    """The latest policies that changed what the node sees or lets in, as far as this process remembers."""
    latest = Change.objects.filter(network_id=node.network_id, version__gt=node.network.map_version - WINDOW)
    rows = latest.filter(kind="policy").order_by("-version").defer("facts")
    found = [change.pk for change in rows[:SHOWN] if reach_words(node.pk, change.version)]
    return list(Change.objects.filter(pk__in=found))


def reach_words(node_id: int, version: int) -> str:
    """What the step to ``version`` changed for a node: ``3 peers gained``. Empty for nothing, or what is forgotten."""
    for replica in REPLICAS.loaded():
        start, end = replica.since(version - 1), replica.since(version)
        if start is None or end is None or end[0].topology.present(node_id) is None:
            continue
        before, after = start[0].policy, end[0].policy
        was, now = before.peer_ids(node_id), after.peer_ids(node_id)
        said = [
            f"{html.many(number, 'peer')} {word}"
            for number, word in ((len(now - was), "gained"), (len(was - now), "lost"))
            if number
        ]
        if not said and before.filter_of(node_id)[0] != after.filter_of(node_id)[0]:
            said.append("other ports are open")
        return ", ".join(said)
    return ""


def _away(node: Node, now: datetime) -> list[dict[str, Any]]:
    spans = list(OnlineSpan.objects.filter(node=node).order_by("-began")[: SHOWN + 1])
    lines: list[dict[str, Any]] = []
    for later, earlier in pairwise(spans):
        if earlier.ended is not None:
            text = f"Back after {html.span_words(later.began - earlier.ended)}"
            lines.append(_line(later.began, "sensors", text))
    if spans and spans[0].ended is not None:
        lines.append(_line(spans[0].ended, "cloud_off", f"Offline for {html.span_words(now - spans[0].ended)}"))
    return lines


def _line(at: datetime, icon: str, text: str) -> dict[str, Any]:
    return {"at": at, "icon": icon, "text": text, "by": "", "version": None, "url": ""}
