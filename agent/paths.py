"""Which of a peer's endpoints to try, and when to try the next one. Pure: the device's counters and the clock come in.

WireGuard knows one endpoint a peer and moves it by itself when an authenticated packet arrives from elsewhere. What
it cannot do is try several: that is done here, one candidate every 5 seconds until a handshake succeeds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface
from typing import Final

from agent.netmap import Address, Endpoint, Prefix

Interface = IPv4Interface | IPv6Interface

TRY_SECONDS: Final = 5.0
KEEPALIVE_SECONDS: Final = 25
# After this a session key is no longer used (WireGuard paper, section 6.1, Reject-After-Time): no path is proven.
FRESH_SECONDS: Final = 180.0


@dataclass(frozen=True, slots=True)
class LocalNetworks:
    """The addresses of this machine outside the mesh, with the prefix lengths of their networks."""

    interfaces: tuple[Interface, ...] = ()

    def has_family(self, version: int) -> bool:
        """Whether the machine speaks this IP version beyond a link."""
        return any(interface.version == version for interface in self.interfaces)

    def owns(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is this machine itself."""
        return any(interface.ip == endpoint.address for interface in self.interfaces)

    def neighbours(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is in a network that this machine is directly on."""
        return any(
            endpoint.address in interface.network
            for interface in self.interfaces
            if interface.version == endpoint.address.version
        )

    def behind_nat(self, version: int) -> bool:
        """Whether no address of this family is a public one, so that the way out is translated."""
        return not any(interface.ip.is_global for interface in self.interfaces if interface.version == version)


@dataclass(frozen=True, slots=True)
class Tunnelled:
    """What is routed into the mesh: single addresses, of which there may be thousands, and wider prefixes."""

    addresses: frozenset[Address] = frozenset()
    prefixes: tuple[Prefix, ...] = ()

    @classmethod
    def of(cls, prefixes: Iterable[Prefix]) -> Tunnelled:
        """Sort prefixes into the two kinds."""
        single: set[Address] = set()
        wide: list[Prefix] = []
        for prefix in prefixes:
            if prefix.prefixlen == prefix.max_prefixlen:
                single.add(prefix.network_address)
            else:
                wide.append(prefix)
        return cls(frozenset(single), tuple(wide))

    def holds(self, endpoint: Endpoint) -> bool:
        """Whether packets to an endpoint would enter the tunnel."""
        address = endpoint.address
        return address in self.addresses or any(address in prefix for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class Link:
    """What the device says of a peer. ``handshake`` is a Unix time, 0 for never; ``rx`` and ``tx`` are bytes."""

    endpoint: Endpoint | None = None
    handshake: float = 0.0
    rx: int = 0
    tx: int = 0

    def is_fresh(self, now: float) -> bool:
        """Whether a handshake proves the path at the Unix time ``now``."""
        return self.handshake > 0 and now - self.handshake < FRESH_SECONDS


@dataclass(frozen=True, slots=True)
class Attempt:
    """The candidate in use, since when (boot-clock seconds), and how many bytes had been sent by then."""

    candidates: tuple[Endpoint, ...]
    index: int = 0
    since: float = 0.0
    tx: int = 0

    @property
    def endpoint(self) -> Endpoint | None:
        """The candidate in use; None for a peer that nobody knows a way to, which can still call us."""
        return self.candidates[self.index] if self.candidates else None


def order_candidates(endpoints: Iterable[Endpoint], local: LocalNetworks, tunnelled: Tunnelled) -> tuple[Endpoint, ...]:
    """A peer's endpoints in the order to try: same network first, then public, then the rest, as listed within each.

    Left out are this machine's own addresses (every container host has the same ones), families that it does not
    speak, and what is routed into the mesh, where the tunnel would run in itself.
    """
    usable = [
        endpoint
        for endpoint in dict.fromkeys(endpoints)
        if local.has_family(endpoint.address.version) and not local.owns(endpoint) and not tunnelled.holds(endpoint)
    ]

    def rank(endpoint: Endpoint) -> int:
        if local.neighbours(endpoint):
            return 0
        return 1 if endpoint.address.is_global else 2

    return tuple(sorted(usable, key=rank))


def begin(candidates: tuple[Endpoint, ...], *, now: float, tx: int = 0) -> Attempt:
    """Start with the first candidate at the boot-clock second ``now``."""
    return Attempt(candidates, since=now, tx=tx)


def renew(attempt: Attempt, candidates: tuple[Endpoint, ...], link: Link, *, now: float) -> Attempt:
    """The attempt after the map changed a peer's endpoints.

    A candidate that is still listed stays in use. One that is gone makes way for the best of the new ones, unless
    WireGuard itself has moved on to where the peer called from: that path is proven, the list is hearsay.
    """
    if candidates == attempt.candidates:
        return attempt
    current = attempt.endpoint
    if current is not None and current in candidates:
        return replace(attempt, candidates=candidates, index=candidates.index(current))
    if link.endpoint is not None and link.endpoint in candidates:
        return Attempt(candidates, index=candidates.index(link.endpoint), since=now, tx=link.tx)
    return begin(candidates, now=now, tx=link.tx)


def advance(attempt: Attempt, link: Link, *, now: float, wall: float) -> Attempt:
    """The attempt a moment later: the next candidate, once this one had 5 seconds and there was something to send.

    ``now`` is on the boot clock, ``wall`` the Unix time that handshakes are dated in. A peer that nobody talks to is
    left alone: no bytes sent, nothing tried, nothing learned.
    """
    if link.is_fresh(wall):
        return replace(attempt, since=now, tx=link.tx)
    if len(attempt.candidates) < 2 or now - attempt.since < TRY_SECONDS or link.tx <= attempt.tx:
        return attempt
    return replace(attempt, index=(attempt.index + 1) % len(attempt.candidates), since=now, tx=link.tx)


def keepalive_for(endpoint: Endpoint | None, local: LocalNetworks) -> int:
    """Seconds between keepalives towards an endpoint, 0 for none.

    Behind a translator 25 seconds keep its entry alive (WireGuard's own advice). A path inside the local networks
    passes none, and a machine with a public address needs none.
    """
    if endpoint is None or local.neighbours(endpoint) or not endpoint.address.is_global:
        return 0
    return KEEPALIVE_SECONDS if local.behind_nat(endpoint.address.version) else 0
