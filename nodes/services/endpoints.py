"""Where a node can be reached: what it advertises itself, and after that where peers saw it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from django.db import transaction

from mesh.change import Cause, ChangeKind
from mesh.endpoints import Endpoint as ParsedEndpoint
from mesh.endpoints import parse_endpoints
from nodes.changes import lock_node, record_change
from nodes.models import Endpoint, Network, Node


def read_endpoints(network: Network, endpoints: Sequence[str]) -> tuple[ParsedEndpoint, ...]:
    """Reads endpoints that a node of ``network`` advertises; ``str()`` of each is its normal form.

    Raises ValidationError naming the endpoint at fault.
    """
    mesh = [ip_network(text) for text in (network.ipv4_range, network.ipv6_range) if text]
    return parse_endpoints(endpoints, mesh_ranges=mesh)


def advertised_endpoints(node: Node) -> list[str]:
    """What ``node`` advertises, in normal form and in its order."""
    return list(node.endpoints.exclude(kind=Endpoint.Kind.OBSERVED).values_list("address", flat=True))


def endpoint_facts(node_ids: Collection[int]) -> dict[str, Any]:
    """Facts of ``ChangeKind.ENDPOINTS``: all endpoints of the nodes, and how many of them, the last ones, peers saw
    (``observed``, absent where there are none)."""
    endpoints: dict[str, list[str]] = {str(node_id): [] for node_id in node_ids}
    observed: dict[str, int] = defaultdict(int)
    rows = Endpoint.objects.filter(node_id__in=node_ids).order_by("node_id", "position")
    for node_id, address, kind in rows.values_list("node_id", "address", "kind"):
        endpoints[str(node_id)].append(address)
        if kind == Endpoint.Kind.OBSERVED:
            observed[str(node_id)] += 1
    return {"endpoints": endpoints} | ({"observed": dict(observed)} if observed else {})


def write_endpoints(*, network: Network, node: Node, endpoints: Sequence[str]) -> bool:
    """Replaces what ``node`` advertises; returns whether anything differs from before.

    Raises ValidationError naming the endpoint at fault.
    """
    parsed = read_endpoints(network, endpoints)
    if (advertised_endpoints(node) if node.pk else []) == [str(endpoint) for endpoint in parsed]:
        return False
    seen = node.endpoints.filter(kind=Endpoint.Kind.OBSERVED)
    observed = list(seen.values_list("address", flat=True))
    _write(node, [(str(endpoint), endpoint.kind.value) for endpoint in parsed], observed)
    return True


def write_observed(*, node: Node, addresses: Sequence[str]) -> bool:
    """Replaces where peers saw ``node``, after what it advertises; returns whether anything differs from before."""
    rows = node.endpoints.exclude(kind=Endpoint.Kind.OBSERVED)
    advertised = list(rows.values_list("address", "kind"))
    wanted = [address for address in addresses if address not in dict(advertised)]
    before = list(node.endpoints.filter(kind=Endpoint.Kind.OBSERVED).values_list("address", flat=True))
    if before == wanted:
        return False
    _write(node, advertised, wanted)
    return True


def _write(node: Node, advertised: Sequence[tuple[str, str]], observed: Sequence[str]) -> None:
    named = dict(advertised)
    rows = [*advertised, *((address, Endpoint.Kind.OBSERVED.value) for address in observed if address not in named)]
    node.endpoints.all().delete()
    Endpoint.objects.bulk_create(
        Endpoint(node=node, position=position, address=address, kind=kind)
        for position, (address, kind) in enumerate(rows)
    )


@transaction.atomic
def replace_endpoints(*, node_id: int, endpoints: Sequence[str], cause: Cause, now: datetime) -> list[str]:
    """Sets the endpoints that a node advertises, and tells its peers if they differ. Returns them in normal form.

    Raises ValidationError, NotFoundError.
    """
    network, node = lock_node(node_id)
    if write_endpoints(network=network, node=node, endpoints=endpoints):
        facts = endpoint_facts([node.pk])
        record_change(network=network, kind=ChangeKind.ENDPOINTS, facts=facts, cause=cause, now=now)
    return advertised_endpoints(node)
