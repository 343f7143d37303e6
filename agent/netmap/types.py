"""The shapes of a network map that was found sound (agent protocol, "Network map")."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Prefix = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where a node's WireGuard may be reached: an address and a UDP port."""

    address: Address
    port: int

    def __str__(self) -> str:
        """As the protocol and WireGuard spell it: ``ip:port``, ``[ip6]:port``."""
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another node as this one may see it. ``key`` is its public key in base64, ``user`` None for a tagged node."""

    id: int
    name: str
    key: str
    user: int | None
    tags: frozenset[str]
    addresses: tuple[Prefix, ...]
    allowed_ips: tuple[Prefix, ...]
    exit_node: bool
    endpoints: tuple[Endpoint, ...]
    online: bool
    last_seen: datetime | None
    key_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class SelfRoute:
    """A route that this node advertised, and whether it was approved and is served by this node."""

    prefix: Prefix
    approved: bool
    primary: bool


@dataclass(frozen=True, slots=True)
class SelfNode:
    """This node, as the portal knows it. ``rotate_key_at`` is when it shall make a new key, None for never."""

    id: int
    name: str
    addresses: tuple[Prefix, ...]
    tags: frozenset[str]
    user: int | None
    routes: tuple[SelfRoute, ...]
    key_expires_at: datetime | None
    rotate_key_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NodeSet:
    """Whom a set names: by owner, by tag, by ranges of ids; and prefixes as they stand."""

    users: frozenset[int] = frozenset()
    tags: frozenset[str] = frozenset()
    ids: tuple[tuple[int, int], ...] = ()
    prefixes: tuple[Prefix, ...] = ()

    def names(self, peer: Peer) -> bool:
        """Whether a peer belongs: an untagged one by its user, a tagged one by a tag, either by its id.

        A tagged node belongs to its tags and no longer to a user (access control, "Selectors").
        """
        if peer.tags:
            if peer.tags & self.tags:
                return True
        elif peer.user is not None and peer.user in self.users:
            return True
        return any(first <= peer.id <= last for first, last in self.ids)


@dataclass(frozen=True, slots=True)
class SetRef:
    """A source that stands for a set of the map; ``*`` is the set named ``*``."""

    name: str


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to: a prefix, or None for this node's own addresses; and the ports, first and last included."""

    prefix: Prefix | None
    ports: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One line of the packet filter; the first that matches decides, none means deny."""

    accept: bool
    protocols: tuple[int, ...]
    sources: tuple[Prefix | SetRef, ...]
    destinations: tuple[Destination, ...]


@dataclass(frozen=True, slots=True)
class NetworkMap:
    """A whole map, sound in itself. ``domain`` may be empty: then peers have short names only."""

    epoch: int
    version: int
    lease_seconds: int
    node_key: str
    domain: str
    node: SelfNode
    peers: tuple[Peer, ...]
    sets: dict[str, NodeSet] = field(default_factory=dict)
    packet_filter: tuple[FilterRule, ...] = ()
