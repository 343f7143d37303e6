"""What the policy engine takes of a topology, and of what a step changed in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from mesh.policy import FactsChange, NetworkFacts, PolicyNode, PolicyUser, posture_of
from mesh.policy.facts import Posture, PostureValue
from mesh.steps import Touch
from mesh.topology import NodeRecord, Topology, UserRecord

SHARED_VALUES: Final = 4_096
"""How many distinct sets of tags, and postures, are remembered to be shared between nodes."""


def facts_of(topology: Topology) -> NetworkFacts:
    """What the policy engine takes of a network: only the nodes that take part."""
    network = topology.network
    return NetworkFacts(
        domain=network.domain,
        ipv4_range=IPv4Network(network.ipv4_range),
        ipv6_range=None if network.ipv6_range is None else IPv6Network(network.ipv6_range),
        nodes=tuple(policy_node(node) for node in topology.nodes.values() if topology.is_present(node)),
        users=tuple(_policy_user(user) for user in topology.users.values()),
    )


def policy_node(node: NodeRecord) -> PolicyNode:
    """A node as the policy engine takes it. Routes count once they are advertised and approved."""
    return PolicyNode(
        id=node.id,
        name=node.name,
        user=node.user,
        tags=_tag_set(node.tags),
        addresses=tuple(ip_address(address) for address in node.addresses),
        routes=tuple(ip_network(route.prefix) for route in node.routes if route.advertised and route.approved),
        os=node.os,
        agent_version=node.agent_version,
        posture=_posture(node.posture) if node.posture else None,
    )


@lru_cache(maxsize=SHARED_VALUES)
def _tag_set(tags: tuple[str, ...]) -> frozenset[str]:
    """One set for all nodes with the same tags, which are many: one a node would be 200 B each."""
    return frozenset(tags)


def _posture(reported: Mapping[str, PostureValue]) -> Posture | None:
    found = posture_of(reported)
    # By kind too: to Python true is 1, and what a node is said to have reported is what it did.
    return None if found is None else _same_posture(found, tuple([type(value) for _, value in found]))


@lru_cache(maxsize=SHARED_VALUES)
def _same_posture(posture: Posture, kinds: tuple[type, ...]) -> Posture:
    """The first posture that was equal to this one, ``kinds`` of its values included."""
    return posture


def facts_change(before: Topology, after: Topology, touch: Touch) -> FactsChange:
    """What of a step the policy engine has to know: nodes that look different, appeared or vanished, and users."""
    nodes: list[PolicyNode] = []
    removed: set[int] = set()
    for node_id in touch.nodes:
        old, new = before.present(node_id), after.present(node_id)
        if new is None:
            if old is not None:
                removed.add(node_id)
        elif old is None or differs(old, new):
            nodes.append(policy_node(new))
    users = [
        _policy_user(user)
        for user_id in touch.users
        if (user := after.users.get(user_id)) is not None and before.users.get(user_id) != user
    ]
    gone = frozenset(
        user_id for user_id in touch.users if after.users.get(user_id) is None and before.users.get(user_id) is not None
    )
    return FactsChange(tuple(nodes), frozenset(removed), tuple(users), gone)


def differs(old: NodeRecord, new: NodeRecord) -> bool:
    """Whether two records of a node differ in what the policy engine takes of them."""
    return (
        old.name != new.name
        or old.user != new.user
        or old.tags != new.tags
        or old.addresses != new.addresses
        or old.routes != new.routes
        or old.os != new.os
        or old.agent_version != new.agent_version
        or old.posture != new.posture
    )


def _policy_user(user: UserRecord) -> PolicyUser:
    return PolicyUser(user.id, user.login, user.display_name)
