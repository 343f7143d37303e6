"""From a map to what shall stand on the machine, and from what stands to the steps between. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from agent import firewall, hosts
from agent.backend.base import PeerUpdate
from agent.netmap import NetworkMap, Peer, Prefix


@dataclass(frozen=True, slots=True)
class Plan:
    """What stands, or shall stand, on the machine. ``peers`` are allowed prefixes by public key (base64)."""

    addresses: frozenset[Prefix] = frozenset()
    peers: dict[str, frozenset[Prefix]] = field(default_factory=dict)
    routes: frozenset[Prefix] = frozenset()
    ruleset: str = ""
    hosts: tuple[str, ...] = ()


def peers_in_force(netmap: NetworkMap, now: datetime) -> tuple[Peer, ...]:
    """The peers whose keys are good at ``now``: an expired one is dropped without waiting for the portal's word."""
    return tuple(peer for peer in netmap.peers if peer.key_expires_at is None or peer.key_expires_at > now)


def build_plan(netmap: NetworkMap, peers: tuple[Peer, ...], *, interface: str, accept_routes: bool) -> Plan:
    """What a map asks for, with the peers still in force.

    Without ``accept_routes`` a peer is allowed its own addresses alone: neither is a subnet behind it routed to it,
    nor is traffic from there let in.
    """
    allowed = {
        peer.key: frozenset(
            prefix for prefix in peer.allowed_ips if accept_routes or prefix.prefixlen == prefix.max_prefixlen
        )
        for peer in peers
    }
    return Plan(
        addresses=frozenset(netmap.node.addresses),
        peers=allowed,
        routes=frozenset(prefix for prefixes in allowed.values() for prefix in prefixes),
        ruleset=firewall.render_table(interface, netmap, peers),
        hosts=tuple(hosts.host_lines(netmap, peers)),
    )


def closed_plan(interface: str, addresses: frozenset[Prefix] = frozenset()) -> Plan:
    """What stands when there is no map to trust: the node's addresses, no peers, nothing let in."""
    return Plan(addresses=addresses, ruleset=firewall.render_closed(interface))


def withdrawals(before: Plan, after: Plan) -> list[PeerUpdate]:
    """The updates that take something away. They come first: a prefix is never at two peers, and nobody keeps a
    right for the time that giving another takes."""
    updates = [PeerUpdate(key, remove=True) for key in before.peers if key not in after.peers]
    for key, prefixes in before.peers.items():
        left = after.peers.get(key)
        if left is not None and prefixes - left:
            updates.append(PeerUpdate(key, allowed_ips=prefixes & left))
    return updates


def grants(before: Plan, after: Plan) -> dict[str, frozenset[Prefix]]:
    """The peers that get something: their whole lists of prefixes by key."""
    return {key: prefixes for key, prefixes in after.peers.items() if prefixes - before.peers.get(key, frozenset())} | {
        key: prefixes for key, prefixes in after.peers.items() if key not in before.peers
    }
