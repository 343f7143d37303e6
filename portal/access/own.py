"""The editor's own machines, and what a draft would cut them off from."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Final

from django.db.models import Q
from django.http import HttpRequest

from coordinator.policy.activation import Assessment
from coordinator.requests import origin_of
from mesh.addressing import pack
from nodes.models import Network, Node
from portal import links

NAMED: Final = 4


def own_nodes(request: HttpRequest, network: Network) -> list[Node]:
    """The machines of the person who asks, and the one that the request comes from."""
    mine = Q(owner=request.user.pk, tagged=False)
    with suppress(ValueError):  # behind a socket that has no address
        mine |= Q(addresses__packed=pack(ip_address(origin_of(request))))
    return list(Node.objects.filter(mine, network=network, state=Node.State.ACTIVE).distinct().order_by("name")[:50])


def cuts(assessment: Assessment, nodes: list[Node]) -> list[dict[str, Any]]:
    """Those of ``nodes`` that would lose peers: ``name``, ``url``, how many they have and lose, and a few of those."""
    found = []
    for node in nodes:
        if assessment.before.node(node.pk) is None or assessment.after.node(node.pk) is None:
            continue
        before = assessment.before.peer_ids(node.pk)
        lost = before - assessment.after.peer_ids(node.pk)
        if lost:
            names = Node.objects.filter(pk__in=list(lost)[:NAMED]).order_by("name").values_list("name", flat=True)
            url = links.change_url("nodes.node", node.pk)
            found.append({"name": node.name, "url": url, "peers": len(before), "lost": len(lost), "names": list(names)})
    return found
