"""Networks and nodes as the records that replicas hold. Few queries each, whatever the size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.db.models import QuerySet

from mesh.errors import NotFoundError
from mesh.topology import (
    DnsRecordValue,
    NetworkRecord,
    NodeRecord,
    RelayRegionRecord,
    RelayServerRecord,
    RouteRecord,
)
from nodes.models import Address, DnsRecord, Endpoint, Network, Node, NodeTag, Route
from nodes.selectors.relays import relays_in_maps

# A server-side cursor takes three calls where one would do, so it is worth it for many rows alone.
_MANY: Final = 2000


def load_network_record(network_id: int) -> NetworkRecord:
    """A network's settings, DNS records and relays, in three queries.

    Raises NotFoundError if there is no such network.
    """
    network = Network.objects.filter(pk=network_id).first()
    if network is None:
        raise NotFoundError(f"There is no network {network_id}.")
    records = DnsRecord.objects.filter(network_id=network_id)
    return NetworkRecord(
        id=network.pk,
        name=network.name,
        domain=network.domain,
        ipv4_range=network.ipv4_range,
        ipv6_range=network.ipv6_range,
        epoch=network.epoch,
        version=network.map_version,
        heartbeat_seconds=network.keepalive_seconds,
        grace_seconds=network.grace_seconds,
        lease_seconds=network.lease_seconds,
        max_peers=network.max_peers,
        key_rotation_seconds=network.key_rotation_seconds,
        magic_dns=network.magic_dns,
        nameservers=tuple(network.nameservers),
        split_dns=network.split_dns,
        search_domains=tuple(network.search_domains),
        dns_records=tuple(DnsRecordValue(r.name, r.type, r.value) for r in records),
        relay_regions=tuple(
            RelayRegionRecord(
                id=region.number,
                code=region.code,
                name=region.name,
                nodes=tuple(RelayServerRecord(s.name, s.host, s.ipv4, s.ipv6, s.port, s.stun_port) for s in servers),
            )
            for region, servers in relays_in_maps(network_id=network_id)
        ),
    )


def load_node_records(network_id: int, node_ids: Iterable[int] | None = None) -> list[NodeRecord]:
    """All nodes of a network as records, or those of ``node_ids``, by id, in five queries."""
    nodes = Node.objects.filter(network_id=network_id).order_by("pk")
    wanted = {} if node_ids is None else {"node_id__in": list(node_ids)}
    if node_ids is not None:
        nodes = nodes.filter(pk__in=wanted["node_id__in"])
    few = node_ids is not None and len(wanted["node_id__in"]) <= _MANY
    tags: dict[int, list[str]] = defaultdict(list)
    tag_rows = NodeTag.objects.filter(node__network_id=network_id, **wanted).order_by("tag")
    for node_id, tag in _rows(tag_rows.values_list("node_id", "tag"), few=few):
        tags[node_id].append(tag)
    addresses: dict[int, list[str]] = defaultdict(list)
    address_rows = Address.objects.filter(network_id=network_id, node__isnull=False, **wanted).order_by("family")
    for node_id, address in _rows(address_rows.values_list("node_id", "address"), few=few):
        addresses[node_id].append(address)
    endpoints: dict[int, list[str]] = defaultdict(list)
    observed: dict[int, int] = defaultdict(int)
    endpoint_rows = Endpoint.objects.filter(node__network_id=network_id, **wanted).order_by("position")
    for node_id, address, kind in _rows(endpoint_rows.values_list("node_id", "address", "kind"), few=few):
        endpoints[node_id].append(address)
        observed[node_id] += kind == Endpoint.Kind.OBSERVED
    routes: dict[int, list[RouteRecord]] = defaultdict(list)
    route_rows = Route.objects.filter(network_id=network_id, **wanted).order_by("first", "prefix")
    for node_id, prefix, advertised, approved, primary in route_rows.values_list(
        "node_id", "prefix", "advertised", "approved", "primary"
    ):
        routes[node_id].append(RouteRecord(prefix, advertised, approved, primary))
    return [
        NodeRecord(
            id=node.pk,
            name=node.name,
            key=node.public_key,
            state=node.state,
            user=node.owner_id,
            tags=tuple(tags.get(node.pk, ())),
            addresses=tuple(addresses.get(node.pk, ())),
            endpoints=tuple(endpoints.get(node.pk, ())),
            observed=observed.get(node.pk, 0),
            routes=tuple(routes.get(node.pk, ())),
            login_required=node.login_required,
            online=node.online,
            last_seen=node.last_seen,
            key_expires_at=node.key_expires_at,
            key_created_at=node.key_created_at,
            rotate_requested_at=node.rotate_requested_at,
            home_region=node.home_region,
            hostname=node.hostname,
            ephemeral=node.ephemeral,
            os=node.os,
            os_version=node.os_version,
            agent_version=node.agent_version,
            posture=node.posture,
        )
        for node in _rows(nodes, few=few)
    ]


def _rows(rows: QuerySet[Any, Any], *, few: bool) -> Iterator[Any]:
    return iter(rows) if few else rows.iterator(_MANY)
