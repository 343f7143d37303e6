"""What the script of the topology asks for, as JSON. Every answer is bounded, however large the network is."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone

from acl.models import PolicyVersion
from coordinator.policy.graph import LiveGraph, live_graph, written_key
from coordinator.policy.words import brief
from mesh.errors import NotFoundError
from mesh.explain.accesses import Access
from mesh.explain.graph import REST, TAGGED, Bundle, GraphBy, GroupKey
from mesh.topology import NodeRecord
from nodes.models import Network
from portal.access.calls import call, query_of
from portal.topology.asked import (
    MAX_MEMBERS,
    MAX_NODES,
    ByQuery,
    FindQuery,
    GroupQuery,
    NodeQuery,
    check_may_see,
)
from portal.topology.subject import subject

FOUND: Final = 12
LISTED: Final = 200
WIRES: Final = 10_000


@call("policy.view")
def graph(request: HttpRequest, network: Network) -> HttpResponse:
    """The whole graph: groups with how many of their nodes are in which state, and edges between them; the nodes too
    where there are at most ``MAX_NODES``."""
    check_may_see(request.user)
    found = _graph(request, network, query_of(request, ByQuery))
    is_open = found.nodes <= MAX_NODES
    return JsonResponse(
        {
            "by": found.graph.by,
            "version": found.state.version,
            "nodes": found.nodes,
            "absent": len(found.state.topology.nodes) - found.nodes,
            "pairs": found.graph.pairs,
            "open": is_open,
            "groups": [
                {
                    "key": written_key(group.key),
                    "name": found.name(group),
                    "about": found.about(group) if isinstance(group.key, tuple) or group.key == REST else "",
                    "kind": kind_of(group.key),
                    "size": len(group.ids),
                    "statuses": statuses,
                }
                | ({"nodes": _short(found, found.members(group.ids, MAX_NODES))} if is_open else {})
                for group, statuses in zip(found.graph.groups, found.statuses(), strict=True)
            ],
            "edges": [[edge.one, edge.other, edge.pairs, edge.passing, edge.later] for edge in found.graph.edges],
        }
    )


@call("policy.view")
def members(request: HttpRequest, network: Network) -> HttpResponse:
    """The nodes of a group, by name: at most ``MAX_MEMBERS``."""
    check_may_see(request.user)
    query = query_of(request, GroupQuery)
    found = _graph(request, network, query)
    group = found.group(query["group"])
    nodes = _short(found, found.members(group.ids, MAX_MEMBERS))
    return JsonResponse({"key": written_key(group.key), "size": len(group.ids), "nodes": nodes})


@call("policy.view")
def reach(request: HttpRequest, network: Network) -> HttpResponse:
    """Whom a node reaches, and who reaches it, now and at other times: as lists by name, wire by wire, and counted by
    group."""
    check_may_see(request.user)
    query = query_of(request, NodeQuery)
    found = _graph(request, network, query)
    record = found.state.topology.nodes.get(query["node"])
    if record is None:
        raise NotFoundError("There is no such node.")
    bundles = found.grapher.reach(record.id)
    union = found.state.policy.world.id_set.union
    none = found.state.policy.world.id_set(), found.state.policy.world.id_set()
    out_ids = union(*(item.ids for item in bundles if item.out.now), *none)
    back_ids = union(*(item.ids for item in bundles if item.back.now), *none)
    later_ids = union(*(item.ids for item in bundles if item.out.ever and not item.out.now), *none)
    return JsonResponse(
        {
            "node": subject(found, record) | {"group": _group_of(found, record.id)},
            "reaches": len(out_ids),
            "reached_by": len(back_ids),
            "list": _listed(found, bundles, out_ids),
            "later": len(later_ids),
            "later_list": _listed(found, bundles, later_ids),
            "wires": list(islice(([ident, *_ways(bundle)] for bundle in bundles for ident in bundle.ids), WIRES)),
            "groups": _by_group(found, bundles),
            "policy": _policy(request, network),
        }
    )


@call("policy.view")
def find(request: HttpRequest, network: Network) -> HttpResponse:
    """The nodes whose name, owner, tag or address contains some words; those whose name begins so come first."""
    check_may_see(request.user)
    query = query_of(request, FindQuery)
    words = query["q"].strip().lower()
    if not words:
        return JsonResponse({"nodes": []})
    found = _graph(request, network, query)
    users, records = found.state.topology.users, found.state.topology.nodes
    hits: list[tuple[int, str, NodeRecord]] = []
    for node in found.state.policy.world.nodes.values():
        record = records.get(node.id)
        if record is None:
            continue
        owner = users.get(record.user) if record.user is not None and not record.tags else None
        place = record.name.find(words)
        if place >= 0 or any(
            words in text
            for text in (*record.tags, *record.addresses, *((owner.login, owner.display_name.lower()) if owner else ()))
        ):
            hits.append((0 if place == 0 else 1 if place > 0 else 2, record.name, record))
    hits.sort(key=lambda hit: hit[:2])
    nodes = [
        [record.id, record.name, found.status(record.id), _group_of(found, record.id)] for _, _, record in hits[:FOUND]
    ]
    return JsonResponse({"nodes": nodes, "more": max(0, len(hits) - FOUND)})


def kind_of(key: GroupKey) -> str:
    """What a group is, for how its name is drawn."""
    if isinstance(key, frozenset) or key == TAGGED:
        return "machines"
    if isinstance(key, tuple):
        return "class"
    return "rest" if key == REST else "people"


def _graph(request: HttpRequest, network: Network, query: dict[str, Any]) -> LiveGraph:
    return live_graph(network_id=network.pk, by=GraphBy(query["by"]), now=timezone.now())


def _short(found: LiveGraph, records: list[NodeRecord]) -> list[list[Any]]:
    return [[record.id, record.name, found.status(record.id)] for record in records]


def _listed(found: LiveGraph, bundles: tuple[Bundle, ...], ids: Any) -> list[list[Any]]:
    """Of nodes that are reached: id, name, state, on what, and whether at times alone."""
    out = {ident: bundle.out for bundle in bundles if bundle.out.ever for ident in bundle.ids & ids}
    return [
        [node.id, node.name, found.status(node.id), brief(out[node.id].now or out[node.id].ever), at_times]
        for node in found.members(ids, LISTED)
        for at_times in (int(not out[node.id].lasting),)
    ]


def _ways(bundle: Bundle) -> tuple[int, int]:
    """Out and back: 0 for nothing, 1 for access, 2 for access by a schedule alone, 3 for what opens at other times."""
    return _way(bundle.out), _way(bundle.back)


def _way(access: Access) -> int:
    if access.now:
        return 1 if access.lasting else 2
    return 3 if access.ever else 0


def _policy(request: HttpRequest, network: Network) -> dict[str, Any] | None:
    """The policy in force, since when, and its page."""
    newest = (
        PolicyVersion.objects.filter(network=network).order_by("-number").values_list("number", "created_at").first()
    )
    if newest is None:
        return None
    number, since = newest
    query = f"?{urlencode({'network': network.name})}" if request.GET.get("network") else ""
    return {
        "number": number,
        "since": since.isoformat(),
        "url": reverse("admin:policy_version", args=[number]) + query,
    }


def _group_of(found: LiveGraph, node_id: int) -> str:
    return next((written_key(group.key) for group in found.graph.groups if node_id in group.ids), "")


def _by_group(found: LiveGraph, bundles: tuple[Bundle, ...]) -> list[list[int]]:
    """Index of a group, and of its nodes how many are reached, at times alone, at other times; then who reach."""
    counted = []
    for index, group in enumerate(found.graph.groups):
        counts = [0] * 6
        for bundle in bundles:
            common = len(bundle.ids & group.ids)
            for place, way in enumerate(_ways(bundle)):
                counts[3 * place] += common * (way in (1, 2))
                counts[3 * place + 1] += common * (way == 2)
                counts[3 * place + 2] += common * (way == 3)
        if any(counts):
            counted.append([index, *counts])
    return counted
