"""The page that lists every node in one direction of a node's reach: paged, found by node or by port."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from coordinator.policy.reach import Reach, ReachGroup, ports_words, who_reaches, whom_it_reaches
from coordinator.replica import current_state
from mesh.compile import IdSet
from mesh.netmap.state import State
from mesh.policy import parse_protocol
from mesh.topology import NodeRecord
from nodes.models import Node
from portal import html, links, live
from portal.node.reach import RuleWords, list_url, nobody, rule_words

PAGE: Final = 50
LISTED_GROUPS: Final = 8
"""Lines of one node."""
_PORT: Final = re.compile(r"(?:(tcp|udp|sctp|any)[/: ])?(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Way:
    """Ports and the rule that opens them."""

    ports: tuple[str, ...]
    rule: RuleWords
    networks: tuple[str, ...]
    internet: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One node of the list."""

    name: SafeString
    state: SafeString
    belongs_to: SafeString
    addresses: SafeString
    ways: list[Way]
    more: int


def reach_page(request: HttpRequest, node: Node, direction: str, context: dict[str, Any]) -> HttpResponse:
    """``direction`` is ``in`` or ``out``. Raises Http404 for a page that there is not."""
    into, now = direction == "in", timezone.now()
    state = current_state(node.network_id)
    reach = (who_reaches if into else whom_it_reaches)(state.policy, node.pk)
    query = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    found = _matching(state, reach, query)
    page = _page_number(request, len(found))
    ids = found[(page - 1) * PAGE : page * PAGE]
    url = list_url(node, into=into)
    context |= {
        "title": "Who can reach it" if into else "Whom it can reach",
        "gw_crumbs": [*context.get("gw_crumbs", ()), links.crumb_of(node)],
        "node": node,
        "into": into,
        "query": query,
        "rows": _rows(request, ids, reach, now),
        "total": len(found),
        "all": len(reach.nodes),
        "first": (page - 1) * PAGE + 1 if found else 0,
        "last": min(page * PAGE, len(found)),
        "before": _address(url, query, page - 1) if page > 1 else "",
        "after": _address(url, query, page + 1) if page * PAGE < len(found) else "",
        "other_url": list_url(node, into=not into),
        "nobody": "" if reach.nodes else nobody(node, state, reach, into=into),
        "beyond": [group for group in reach.groups if (group.networks or group.internet) and not group.nodes],
    }
    return TemplateResponse(request, "portal/node/reach_page.html", context)


def _address(url: str, query: str, page: int) -> str:
    return f"{url}?{urlencode({**({'q': query} if query else {}), 'p': page})}"


def _page_number(request: HttpRequest, number: int) -> int:
    asked = request.GET.get("p", "1")
    page = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 8 else 1
    if page < 1 or page > max(1, -(-number // PAGE)):
        raise Http404
    return page


def _matching(state: State, reach: Reach, query: str) -> list[int]:
    """The ids that a search finds, by name. A port finds who may use it; anything else is part of a name, a tag, an
    owner or an address."""
    nodes = state.topology.nodes
    ids = reach.nodes
    service = _service(query)
    if service is not None:
        ids = _using(reach, *service)
    words = "" if service is not None else query.lower()
    records = [record for ident in ids if (record := nodes.get(ident)) is not None]
    if words:
        people = {
            user.id for user in state.topology.users.values() if words in f"{user.login} {user.display_name}".lower()
        }
        records = [record for record in records if _has(record, words, people)]
    return [record.id for record in sorted(records, key=lambda record: record.name)]


def _has(record: NodeRecord, words: str, people: set[int]) -> bool:
    if words in record.name or record.user in people:
        return True
    return any(words in tag for tag in record.tags) or any(item.startswith(words) for item in record.addresses)


def _service(query: str) -> tuple[int | None, int] | None:
    """``22``, ``tcp/22``, ``ping``: a protocol (None: any with ports) and a port; None for what is no service."""
    text = query.lower()
    if text in ("ping", "icmp"):
        return 1, 0
    match = _PORT.fullmatch(text)
    if match is None or int(match[2]) > 65_535:
        return None
    return (parse_protocol(match[1]) if match[1] not in (None, "any") else None), int(match[2])


def _using(reach: Reach, protocol: int | None, port: int) -> IdSet:
    found: IdSet = type(reach.nodes)()
    for group in reach.groups:
        services = dict(group.services)
        for number in (6, 17, 132) if protocol is None else (protocol,):
            if any(item.first <= port <= item.last for item in services.get(number, ())):
                found |= group.nodes
    return found


def _rows(request: HttpRequest, ids: Iterable[int], reach: Reach, now: datetime) -> list[Row]:
    ids = list(ids)
    nodes: Mapping[int, Node] = (
        Node.objects.select_related("network", "owner")
        .prefetch_related("tags", "addresses")
        .defer("posture")
        .in_bulk(ids)
    )
    states = live.live_of(nodes.values(), now)
    rows = []
    for node_id in ids:
        node = nodes.get(node_id)
        if node is None:
            continue
        ways = [_way(request, group) for group in reach.groups if node_id in group.nodes]
        held = sorted((row.family, row.address) for row in node.addresses.all())
        glyph = html.status(states[node_id].glyph, states[node_id].word)
        name = links.node_link(node, subject=True)
        row = Row(
            name, glyph, links.belongs_to(node), html.addresses(held), ways[:LISTED_GROUPS], len(ways) - LISTED_GROUPS
        )
        rows.append(row)
    return rows


def _way(request: HttpRequest, group: ReachGroup) -> Way:
    networks = tuple(str(item) for item in group.networks)
    return Way(ports_words(group.services), rule_words(request, group), networks, group.internet)
