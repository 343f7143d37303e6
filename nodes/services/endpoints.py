"""Where a node can be reached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_network

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


def write_endpoints(*, network: Network, node: Node, endpoints: Sequence[str]) -> bool:
    """Replaces the endpoint rows of ``node``; returns whether anything differs from before.

    Raises ValidationError naming the endpoint at fault.
    """
    parsed = read_endpoints(network, endpoints)
    before = list(node.endpoints.values_list("address", flat=True)) if node.pk else []
    if before == [str(endpoint) for endpoint in parsed]:
        return False
    node.endpoints.all().delete()
    Endpoint.objects.bulk_create(
        Endpoint(node=node, position=position, address=str(endpoint), kind=endpoint.kind.value)
        for position, endpoint in enumerate(parsed)
    )
    return True


@transaction.atomic
def replace_endpoints(*, node_id: int, endpoints: Sequence[str], cause: Cause, now: datetime) -> list[str]:
    """Sets the endpoints that a node advertises, and tells its peers if they differ. Returns them in normal form.

    Raises ValidationError, NotFoundError.
    """
    network, node = lock_node(node_id)
    changed = write_endpoints(network=network, node=node, endpoints=endpoints)
    current = list(node.endpoints.values_list("address", flat=True))
    if changed:
        facts = {"endpoints": {str(node.pk): current}}
        record_change(network=network, kind=ChangeKind.ENDPOINTS, facts=facts, cause=cause, now=now)
    return current
