"""The latest events of one node: what changed it, whose policy changed what it reaches, and when it was away.

Bounded, whatever the log holds: of the latest changes those that name the node, without those so large that reading
them would take long. Comings and goings are told by spans, with how long they lasted.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.html import format_html
from redis.exceptions import RedisError

from coordinator.delivery import delivery_of
from coordinator.replica import REPLICAS
from mesh.errors import NotFoundError
from mesh.netmap.state import State
from nodes.models import Change, Node, OnlineSpan
from portal import html
from portal.events import event_lines, nodes_of

SHOWN: Final = 8
WINDOW: Final = 1000
"""Versions that are looked through."""
READ_BYTES: Final = 64 * 1024
"""Changes with larger facts are about very many nodes, and are not read for the page of one."""
ACKNOWLEDGED_NODES: Final = 2000
"""In a larger network it is not worked out for each line whom a change concerned."""
KINDS: Final = ("nodes", "endpoints", "sessions", "network")


def events_of(node: Node, state: State, now: datetime) -> list[dict[str, Any]]:
    """The lines, the latest first."""
    changes = [*_changes(node), *_policies(node, state)]
    changes.sort(key=lambda change: -change.version)
    changes = changes[:SHOWN]
    lines = event_lines(changes)
    for line, change in zip(lines, changes, strict=True):
        line["acknowledged"] = _acknowledged(change, state)
        if change.kind == "policy":
            line["text"] = format_html("{}: {}", line["text"], reach_words(node.pk, change.version))
    lines += _away(node, now)
    return sorted(lines, key=lambda line: line["at"], reverse=True)[:SHOWN]


def _latest(node: Node) -> QuerySet[Change]:
    version = node.network.map_version
    return Change.objects.filter(network_id=node.network_id, version__gt=version - WINDOW).order_by("-version")


def _changes(node: Node) -> list[Change]:
    rows = _latest(node).filter(kind__in=KINDS)
    if connection.vendor != "postgresql":
        return [change for change in rows[:200] if _names(change, node.pk)][:SHOWN]
    named = Q(facts__contains={"nodes": [{"id": node.pk}]}) | Q(facts__contains={"ended": [node.pk]})
    named |= Q(facts__endpoints__has_key=str(node.pk)) | Q(facts__contains={"patched": [{"ids": [node.pk]}]})
    named |= Q(facts__contains={"homes": [{"nodes": [node.pk]}]})
    sized = rows.annotate(gw_size=RawSQL("pg_column_size(facts)", ()))
    return list(sized.filter(gw_size__lt=READ_BYTES).filter(named)[:SHOWN])


def _names(change: Change, node_id: int) -> bool:
    said = change.facts if isinstance(change.facts, dict) else {}
    return node_id in nodes_of(change) or node_id in said.get("ended", ())


def _policies(node: Node, state: State) -> list[Change]:
    """The latest policies that changed what the node sees or lets in, as far as this process remembers."""
    rows = _latest(node).filter(kind="policy").defer("facts")
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


def _acknowledged(change: Change, state: State) -> str:
    """``43/43``: agents that have it of those that it concerned; empty where that is not known."""
    if len(state.topology.nodes) > ACKNOWLEDGED_NODES:
        return ""
    try:
        found = delivery_of(network_id=change.network_id, version=change.version)
    except (NotFoundError, RedisError):
        return ""
    if found.acknowledged is None or found.waiting is None:
        return ""
    whole = len(found.acknowledged) + len(found.waiting)
    return f"{len(found.acknowledged)}/{whole}" if whole else ""


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
    return {"at": at, "icon": icon, "text": text, "by": "", "version": None, "url": "", "acknowledged": ""}
