"""What the engine knows of a network: its nodes, users and address ranges, as frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Prefix = IPv4Network | IPv6Network
PostureValue = str | int | float | bool
Posture = tuple[tuple[str, PostureValue], ...]


def posture_of(attributes: Mapping[str, PostureValue] | None) -> Posture | None:
    """The hashable form of reported posture; None for a node that never reported any."""
    return None if attributes is None else tuple(sorted(attributes.items()))


def is_default_route(network: Prefix) -> bool:
    """Whether a route is ``0.0.0.0/0`` or ``::/0``: such a route makes an exit node, and nothing else."""
    return network.prefixlen == 0


@dataclass(frozen=True, slots=True)
class PolicyNode:
    """A node that may take part: approved, enabled, unexpired. ``user`` is None for tagged and ownerless nodes.

    ``routes`` are its approved routes, default routes included; ``posture`` is None while it never reported any;
    ``posture_changed`` grows with time (a map version), and decides whose posture is passed over when posture alone
    would make too many policy classes.
    """

    id: int
    name: str
    user: int | None
    tags: frozenset[str] = frozenset()
    addresses: tuple[Address, ...] = ()
    routes: tuple[Prefix, ...] = ()
    os: str = ""
    agent_version: str = ""
    posture: Posture | None = None
    posture_changed: int = 0


@dataclass(frozen=True, slots=True)
class PolicyUser:
    """A person: ``login`` as policies write it (``ana@example.com``), ``name`` as people read it."""

    id: int
    login: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """One network at one instant. Only nodes that may take part belong here."""

    domain: str
    ipv4_range: IPv4Network | None
    ipv6_range: IPv6Network | None
    nodes: tuple[PolicyNode, ...] = ()
    users: tuple[PolicyUser, ...] = ()

    @property
    def ranges(self) -> tuple[Prefix, ...]:
        """The address ranges of the network, IPv4 first."""
        return tuple(item for item in (self.ipv4_range, self.ipv6_range) if item is not None)


@dataclass(frozen=True, slots=True)
class FactsChange:
    """How facts moved: nodes that are new or changed (whole), ids that are gone, and users that are new or gone."""

    nodes: tuple[PolicyNode, ...] = ()
    removed: frozenset[int] = frozenset()
    users: tuple[PolicyUser, ...] = ()
    removed_users: frozenset[int] = field(default=frozenset())


def apply_change(facts: NetworkFacts, change: FactsChange) -> NetworkFacts:
    """The facts after ``change``: the slow, obvious way that incremental moves must agree with."""
    nodes = {item.id: item for item in facts.nodes if item.id not in change.removed}
    nodes.update((item.id, item) for item in change.nodes)
    users = {item.id: item for item in facts.users if item.id not in change.removed_users}
    users.update((item.id, item) for item in change.users)
    return NetworkFacts(facts.domain, facts.ipv4_range, facts.ipv6_range, _by_id(nodes.values()), tuple(users.values()))


def _by_id(nodes: Iterable[PolicyNode]) -> tuple[PolicyNode, ...]:
    return tuple(sorted(nodes, key=lambda item: item.id))
