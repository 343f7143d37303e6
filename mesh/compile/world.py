"""The nodes of a network, indexed for the engine and able to move in microseconds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from mesh.compile.ids import IdSet, id_set_type
from mesh.compile.table import Table
from mesh.policy.facts import FactsChange, NetworkFacts, PolicyNode, PolicyUser, Prefix, is_default_route

Principal: TypeAlias = frozenset[str] | int | None
"""Whom a node belongs to: its tags where it has any, else its user, else nobody."""

IPV4: Final = 1
IPV6: Final = 2
BOTH: Final = IPV4 | IPV6


def principal_of(node: PolicyNode) -> Principal:
    """Whom ``node`` belongs to."""
    return node.tags or node.user


def families_of(node: PolicyNode) -> int:
    """The address families of a node's own addresses, as bits."""
    families = 0
    for address in node.addresses:
        families |= IPV4 if isinstance(address, IPv4Address) else IPV6
    return families


@dataclass(frozen=True, slots=True)
class World:
    """Nodes by id, the ids of each principal's nodes, and those with approved routes. ``users`` are all users of the
    network, with nodes or not. Lists are never changed once they stand here."""

    domain: str
    ranges: tuple[Prefix, ...]
    users: Mapping[int, PolicyUser]
    nodes: Table[int, PolicyNode]
    principals: Table[Principal, list[int]]
    routers: frozenset[int]
    id_set: type[IdSet]
    _index: list[AddressIndex] = field(default_factory=list, repr=False)

    def inside(self, prefix: Prefix) -> list[int]:
        """The ids of the nodes with an own address inside ``prefix``."""
        if not self._index:
            self._index.append(AddressIndex(self.nodes.values()))
        return self._index[0].inside(prefix)

    def of(self, principal: Principal) -> list[int]:
        """The ids of the nodes that belong to ``principal``: for a user, those that are untagged."""
        return self.principals.get(principal) or []

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

    def routes(self) -> set[Prefix]:
        """Every approved subnet route."""
        return {
            route
            for ident in self.routers
            if (node := self.nodes.get(ident)) is not None
            for route in node.routes
            if not is_default_route(route)
        }

    def facts(self) -> NetworkFacts:
        """The same as facts, nodes by ascending id."""
        ipv4 = next((item for item in self.ranges if item.version == 4), None)
        ipv6 = next((item for item in self.ranges if item.version == 6), None)
        nodes = tuple(sorted(self.nodes.values(), key=lambda node: node.id))
        return NetworkFacts(self.domain, ipv4, ipv6, nodes, tuple(self.users.values()))

    def moved(self, change: FactsChange) -> World:
        """The world after ``change``."""
        nodes: dict[int, PolicyNode | None] = dict.fromkeys(change.removed)
        nodes.update((node.id, node) for node in change.nodes)
        principals: dict[Principal, list[int] | None] = {}
        routers = set(self.routers)
        for ident, node in nodes.items():
            before = self.nodes.get(ident)
            if before is not None and (node is None or principal_of(before) != principal_of(node)):
                self._change(principals, principal_of(before)).remove(ident)
            if node is not None and (before is None or principal_of(before) != principal_of(node)):
                self._change(principals, principal_of(node)).append(ident)
            (routers.add if node is not None and node.routes else routers.discard)(ident)
        users = self.users
        if change.users or change.removed_users:
            users = {ident: user for ident, user in users.items() if ident not in change.removed_users}
            users.update((user.id, user) for user in change.users)
        return replace(
            self,
            users=users,
            nodes=self.nodes.updated(nodes),
            principals=self.principals.updated({key: ids or None for key, ids in principals.items()}),
            routers=frozenset(routers) if routers != self.routers else self.routers,
            _index=[],
        )

    def _change(self, principals: dict[Principal, list[int] | None], principal: Principal) -> list[int]:
        ids = principals.get(principal)
        if ids is None:
            ids = principals[principal] = list(self.of(principal))
        return ids


Kinds: TypeAlias = dict[int, dict[Principal, list[int]]]
"""The ids of nodes alike in address families and principal."""


def read_facts(facts: NetworkFacts) -> tuple[World, Kinds]:
    """Index ``facts`` in one pass: the world, and its nodes by address families and principal."""
    kinds: Kinds = {families: defaultdict(list) for families in range(BOTH + 1)}
    usual = kinds[BOTH]
    for node in facts.nodes:
        addresses = node.addresses
        if len(addresses) == 2 and type(addresses[0]) is not type(addresses[1]):
            usual[node.tags or node.user].append(node.id)
        else:
            kinds[families_of(node)][node.tags or node.user].append(node.id)
    principals: dict[Principal, list[int]] = dict(usual)
    for families in range(BOTH):
        for principal, ids in kinds[families].items():
            principals[principal] = principals.get(principal, []) + ids
    nodes = {node.id: node for node in facts.nodes}
    world = World(
        facts.domain,
        facts.ranges,
        {user.id: user for user in facts.users},
        Table(nodes),
        Table(principals),
        frozenset(node.id for node in facts.nodes if node.routes),
        id_set_type(max(nodes, default=0)),
    )
    return world, kinds


class AddressIndex:
    """Own addresses of nodes, sorted, for finding the nodes inside a prefix without visiting the others. Should two
    nodes have one address, as while it passes from one to the other, both are found."""

    __slots__ = ("_ids", "_nodes", "_sorted")

    def __init__(self, nodes: Iterable[PolicyNode]) -> None:
        self._nodes = list(nodes)
        self._ids: dict[int, list[int]] = {}
        self._sorted: dict[int, list[int]] = {}

    def inside(self, prefix: Prefix) -> list[int]:
        """The ids of the nodes with an own address inside ``prefix``."""
        version = prefix.version
        if version not in self._ids:
            family = IPv4Address if version == 4 else IPv6Address
            held = sorted(
                (int(address), node.id) for node in self._nodes for address in node.addresses if type(address) is family
            )
            self._ids[version] = [node_id for _, node_id in held]
            self._sorted[version] = [address for address, _ in held]
        addresses = self._sorted[version]
        low = bisect_left(addresses, int(prefix.network_address))
        high = bisect_right(addresses, int(prefix.broadcast_address))
        return self._ids[version][low:high]
