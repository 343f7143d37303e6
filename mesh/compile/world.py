"""The nodes of a network, indexed for the engine and able to move in microseconds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from mesh.compile.classifier import IPV4, IPV6
from mesh.compile.table import Table
from mesh.policy.facts import NetworkFacts, PolicyNode, PolicyUser, Prefix

Principal = frozenset[str] | int | None
"""Whom a node belongs to: its tags where it has any, else its user, else nobody."""

NOBODY: Final[list[int]] = []


def principal_of(node: PolicyNode) -> Principal:
    """Whom ``node`` belongs to."""
    return node.tags or node.user


@dataclass(frozen=True, slots=True)
class World:
    """Nodes by id, and the ids of each principal's nodes. ``users`` are all users of the network, with nodes or not."""

    domain: str
    ranges: tuple[Prefix, ...]
    users: Mapping[int, PolicyUser]
    nodes: Table[int, PolicyNode]
    principals: Table[Principal, list[int]]

    def owned_by(self, user: int) -> list[int]:
        """The ids of a user's untagged nodes."""
        return self.principals.get(user) or NOBODY

    def tagged_with(self, tag: str) -> list[int]:
        """The ids of the nodes that carry ``tag``."""
        return [
            ident
            for principal, ids in self.principals.items()
            if isinstance(principal, frozenset) and tag in principal
            for ident in ids
        ]

    def tags_in_use(self) -> set[str]:
        """Every tag that some node carries."""
        return set().union(*(item for item, ids in self.principals.items() if isinstance(item, frozenset) and ids))

    def facts(self) -> NetworkFacts:
        """The same as facts, nodes by ascending id."""
        ipv4 = next((item for item in self.ranges if item.version == 4), None)
        ipv6 = next((item for item in self.ranges if item.version == 6), None)
        nodes = tuple(sorted(self.nodes.values(), key=lambda node: node.id))
        return NetworkFacts(self.domain, ipv4, ipv6, nodes, tuple(self.users.values()))


@dataclass(frozen=True, slots=True)
class Kind:
    """Nodes alike in principal and address families."""

    principal: Principal
    families: int
    sample: PolicyNode
    ids: list[int]


def read_facts(facts: NetworkFacts) -> tuple[World, list[Kind]]:
    """Index ``facts`` in one pass: the world, and its nodes by principal and address families."""
    kinds: dict[tuple[Principal, int], Kind] = {}
    nodes: dict[int, PolicyNode] = {}
    for node in facts.nodes:
        ident = node.id
        nodes[ident] = node
        key = (node.tags or node.user, families_of(node))
        kind = kinds.get(key)
        if kind is None:
            kinds[key] = Kind(*key, node, [ident])
        else:
            kind.ids.append(ident)
    principals: dict[Principal, list[int]] = {}
    for kind in kinds.values():
        principals.setdefault(kind.principal, []).extend(kind.ids)
    users = {user.id: user for user in facts.users}
    return World(facts.domain, facts.ranges, users, Table(nodes), Table(principals)), list(kinds.values())


def families_of(node: PolicyNode) -> int:
    """The address families of a node's own addresses, as bits."""
    addresses = node.addresses
    if len(addresses) == 2 and type(addresses[0]) is not type(addresses[1]):
        return IPV4 | IPV6
    families = 0
    for address in addresses:
        families |= IPV4 if isinstance(address, IPv4Address) else IPV6
    return families


class AddressIndex:
    """Own addresses of nodes, sorted, for finding the nodes inside a prefix without visiting the others."""

    __slots__ = ("_addresses", "_ids")

    def __init__(self, nodes: Iterable[PolicyNode]) -> None:
        pairs: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
        for node in nodes:
            for address in node.addresses:
                pairs[isinstance(address, IPv4Address)].append((int(address), node.id))
        self._addresses: dict[int, list[int]] = {}
        self._ids: dict[int, list[int]] = {}
        for is_ipv4, found in pairs.items():
            found.sort()
            version = 4 if is_ipv4 else 6
            self._addresses[version] = [address for address, _ in found]
            self._ids[version] = [ident for _, ident in found]

    def inside(self, prefix: Prefix) -> Iterator[int]:
        """The ids of the nodes with an own address inside ``prefix``."""
        addresses = self._addresses[prefix.version]
        low = bisect_left(addresses, int(prefix.network_address))
        high = bisect_right(addresses, int(prefix.broadcast_address))
        return iter(self._ids[prefix.version][low:high])
