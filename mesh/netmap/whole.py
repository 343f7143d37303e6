"""Builds the map of one node in the plainest way: exactly those peers, routes and rules that the policy lets it see.

The shape is that of the agent protocol, section "Network map". Workers send what ``mesh.netmap.maps`` joins from
ready parts; this is what it must equal, and what single maps are made with.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mesh.compile import CompiledPolicy, attributes_of
from mesh.netmap.parts import (
    dns_part,
    host_prefixes,
    own_part,
    presence_members,
    profile,
    relay_part,
    static_members,
)
from mesh.topology import NodeRecord, Topology


def build_netmap(topology: Topology, policy: CompiledPolicy, node_id: int) -> dict[str, Any]:
    """The whole map of ``node_id`` at the topology's version, ready for JSON.

    The node must be present (``Topology.is_present``); peers that are not have no part in ``policy``.
    """
    network = topology.network
    node = topology.nodes.get(node_id)
    assert node is not None
    peers = [peer for peer_id in policy.peers_of(node_id) if (peer := topology.nodes.get(peer_id)) is not None]
    rules, set_names = policy.filter_of(node_id)
    return {
        "epoch": network.epoch,
        "version": network.version,
        "lease_seconds": network.lease_seconds,
        "node_key": node.key,
        "domain": network.domain,
        "node": own_part(node, network, attributes_of(policy, node_id)),
        "peers": [peer_as_seen(peer, policy, node_id) for peer in peers],
        "sets": {name: policy.set_of(name) for name in sorted(set_names)},
        "packet_filter": rules,
        "dns": dns_part(network),
        "derp_map": relay_part(network),
        "user_profiles": _profiles(topology, [node, *peers]),
    }


def peer_as_seen(peer: NodeRecord, policy: CompiledPolicy, viewer_id: int) -> dict[str, Any]:
    """A peer as ``viewer_id`` sees it."""
    routes = reached_routes(peer, policy, viewer_id)
    return (
        static_members(peer, attributes_of(policy, peer.id))
        | {
            "allowed_ips": [*host_prefixes(peer.addresses), *sorted(routes)],
            "exit_node": policy.exit_node_for(viewer_id, peer.id),
        }
        | presence_members(peer)
    )


def reached_routes(peer: NodeRecord, policy: CompiledPolicy, viewer_id: int) -> list[str]:
    """The routes of a peer that stand in its ``allowed_ips`` for a viewer.

    Only those it is primary for: WireGuard gives a prefix to whichever peer came last, so no two may have one.
    """
    primary = {route.prefix for route in peer.routes if route.primary}
    return [text for prefix in policy.routes_between(viewer_id, peer.id) if (text := str(prefix)) in primary]


def _profiles(topology: Topology, nodes: Iterable[NodeRecord]) -> dict[str, Any]:
    user_ids = sorted({node.user for node in nodes if node.user is not None})
    return {str(user_id): profile(user) for user_id in user_ids if (user := topology.users.get(user_id)) is not None}
