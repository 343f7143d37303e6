"""Builds the map of one node: exactly those peers, routes and rules that the policy lets it see.

The shape is that of the agent protocol, section "Network map".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from mesh.compile import CompiledPolicy
from mesh.topology import NetworkRecord, NodeRecord, Topology, UserRecord


def build_netmap(topology: Topology, policy: CompiledPolicy, node_id: int) -> dict[str, Any]:
    """The whole map of ``node_id`` at the topology's version, ready for JSON.

    The node must be present (``Topology.is_present``); peers that are not have no part in ``policy``.
    """
    network = topology.network
    node = topology.nodes[node_id]
    peers = [topology.nodes[peer_id] for peer_id in policy.peers_of(node_id)]
    rules, set_names = policy.filter_of(node_id)
    return {
        "epoch": network.epoch,
        "version": network.version,
        "lease_seconds": network.lease_seconds,
        "node_key": node.key,
        "domain": network.domain,
        "node": _own_part(node),
        "peers": [_peer_part(peer, policy, node_id) for peer in peers],
        "sets": {name: policy.set_of(name) for name in sorted(set_names)},
        "packet_filter": rules,
        "dns": _dns_part(network),
        "derp_map": _relay_part(network),
        "user_profiles": _profiles(topology, [node, *peers]),
    }


def host_prefixes(addresses: Iterable[str]) -> list[str]:
    """Addresses with their full prefix length: /32 or /128."""
    return [f"{address}/{128 if ':' in address else 32}" for address in addresses]


def _common_part(node: NodeRecord) -> dict[str, Any]:
    return {
        "id": node.id,
        "name": node.name,
        "key": node.key,
        "user": node.user,
        "tags": list(node.tags),
        "addresses": host_prefixes(node.addresses),
        "endpoints": list(node.endpoints),
        "home_derp": node.home_region,
        "online": node.online,
        "last_seen": None if node.online or node.last_seen is None else instant(node.last_seen),
        "key_expires_at": None if node.key_expires_at is None else instant(node.key_expires_at),
        "capabilities": {},
    }


def _own_part(node: NodeRecord) -> dict[str, Any]:
    routes = [
        {"prefix": route.prefix, "approved": route.approved, "primary": route.primary}
        for route in node.routes
        if route.advertised
    ]
    own = _common_part(node)
    return own | {"allowed_ips": own["addresses"], "exit_node": offers_exit(node), "routes": routes}


def _peer_part(peer: NodeRecord, policy: CompiledPolicy, viewer_id: int) -> dict[str, Any]:
    part = _common_part(peer)
    primary = {route.prefix for route in peer.routes if route.primary}
    # One prefix is never in two peers' allowed_ips: WireGuard gives it to whoever came last.
    routes = [text for prefix in policy.routes_between(viewer_id, peer.id) if (text := str(prefix)) in primary]
    part["allowed_ips"] = part["addresses"] + sorted(routes)
    part["exit_node"] = policy.exit_node_for(viewer_id, peer.id)
    return part


def offers_exit(node: NodeRecord) -> bool:
    """Whether a default route of the node is in force."""
    return any(route.prefix in ("0.0.0.0/0", "::/0") and route.approved and route.advertised for route in node.routes)


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, whole seconds where there are only those."""
    return at.isoformat().replace("+00:00", "Z")


def _dns_part(network: NetworkRecord) -> dict[str, Any]:
    return {
        "magic_dns": network.magic_dns,
        "domain": network.domain,
        "nameservers": list(network.nameservers),
        "split": {domain: list(servers) for domain, servers in network.split_dns.items()},
        "search_domains": list(network.search_domains),
        "extra_records": [
            {"name": record.name, "type": record.type, "value": record.value} for record in network.dns_records
        ],
    }


def _relay_part(network: NetworkRecord) -> dict[str, Any]:
    regions = {
        str(region.id): {
            "id": region.id,
            "code": region.code,
            "name": region.name,
            "nodes": [
                {
                    "name": server.name,
                    "host": server.host,
                    "ipv4": server.ipv4,
                    "ipv6": server.ipv6,
                    "port": server.port,
                    "stun_port": server.stun_port,
                }
                for server in region.nodes
            ],
        }
        for region in network.relay_regions
    }
    return {"regions": regions}


def _profiles(topology: Topology, nodes: Iterable[NodeRecord]) -> dict[str, Any]:
    user_ids = sorted({node.user for node in nodes if node.user is not None})
    users: list[UserRecord] = [topology.users[user_id] for user_id in user_ids if user_id in topology.users]
    return {
        str(user.id): {
            "display_name": user.display_name or user.login,
            "login_name": user.login,
            "picture_url": user.picture_url,
        }
        for user in users
    }
