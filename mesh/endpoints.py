"""Endpoints: where a node says that its WireGuard can be reached from outside the mesh.

The text comes from a machine that nobody has to trust, and other machines will send packets to it: so an endpoint
must be an address that a peer can have, never one of the reader's own, of everybody, or of the mesh itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

from mesh.errors import FieldError, ValidationError

IPAddress: TypeAlias = IPv4Address | IPv6Address
IPNetwork: TypeAlias = IPv4Network | IPv6Network

MAX_ENDPOINTS: Final = 32

_WRITTEN: Final = re.compile(r"(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\]):([0-9]{1,5})")

# Written out, because is_private, is_global and their kin miss 100.64/10, the embeddings below and multicast, and
# change with the version of Python.
_REFUSED: Final[tuple[tuple[IPNetwork, str], ...]] = (
    (IPv4Network("0.0.0.0/8"), "unspecified"),
    (IPv6Network("::/128"), "unspecified"),
    (IPv4Network("127.0.0.0/8"), "a loopback address"),
    (IPv6Network("::1/128"), "a loopback address"),
    (IPv4Network("169.254.0.0/16"), "a link-local address"),
    (IPv6Network("fe80::/10"), "a link-local address"),
    (IPv4Network("224.0.0.0/4"), "a multicast address"),
    (IPv6Network("ff00::/8"), "a multicast address"),
    (IPv4Network("240.0.0.0/4"), "a broadcast or reserved address"),
)

_LOCAL: Final[tuple[IPNetwork, ...]] = (
    # RFC 1918; shared space behind carriers (RFC 6598); translators on the machine (RFC 7335); laboratories (RFC 2544)
    *map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")),
    *map(IPv4Network, ("100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15")),
    # unique local (RFC 4193) and the site-local addresses before them (RFC 3879)
    *map(IPv6Network, ("fc00::/7", "fec0::/10")),
)

# IPv6 addresses that stand for an IPv4 one, and how far right it stands: IPv4-compatible (RFC 4291 section 2.5.5.1),
# NAT64 (RFC 6052), 6to4 (RFC 3056).
_EMBEDDING: Final = (
    (IPv6Network("::/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)


class Kind(StrEnum):
    """From where an endpoint can be reached."""

    LOCAL = "local"
    """Only in the node's own network: RFC 1918, 100.64.0.0/10, fc00::/7 and their like."""
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and a UDP port; ``str()`` gives the normal form (``ip:port``, ``[ip6]:port``, RFC 5952)."""

    address: IPAddress
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}" if self.address.version == 4 else f"[{self.address}]:{self.port}"

    @property
    def kind(self) -> Kind:
        """Local or public, judged by the address alone."""
        address = _embedded(self.address) or self.address
        return Kind.LOCAL if any(_within(address, network) for network in _LOCAL) else Kind.PUBLIC


def parse_endpoint(text: str, *, mesh_ranges: Sequence[IPNetwork] = ()) -> Endpoint:
    """Read one endpoint. An IPv4-mapped IPv6 address becomes the IPv4 address that it is.

    :raises ValidationError: if it is not written ``ip:port`` or ``[ip6]:port`` with a port of 1 to 65535, or if the
        address is unspecified, loopback, link-local, multicast, reserved, or in one of ``mesh_ranges``
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValidationError("An endpoint is written ip:port or [ip6]:port.")
    try:
        address = ip_address(found[1] or found[2])
    except ValueError as error:
        raise ValidationError(f"{found[1] or found[2]} is not an IP address.") from error
    if (address.version == 4) != (found[1] is not None):
        raise ValidationError("An endpoint is written ip:port or [ip6]:port.")
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    port = int(found[3])
    if not 1 <= port <= 65535:
        raise ValidationError("A port is a number from 1 to 65535.")
    _refuse_unreachable(address, mesh_ranges)
    return Endpoint(address, port)


def parse_endpoints(
    texts: Sequence[str], *, mesh_ranges: Sequence[IPNetwork] = (), field: str = "endpoints"
) -> tuple[Endpoint, ...]:
    """Read the endpoints of a node, in the order given and without doubles.

    :raises ValidationError: if there are more than 32, or naming each one at fault as ``endpoints.INDEX``
    """
    if len(texts) > MAX_ENDPOINTS:
        message = f"A node has at most {MAX_ENDPOINTS} endpoints, not {len(texts)}."
        raise ValidationError("Too many endpoints.", errors=(FieldError(field, message),))
    parsed: dict[Endpoint, None] = {}
    faults = []
    for index, text in enumerate(texts):
        try:
            parsed[parse_endpoint(text, mesh_ranges=mesh_ranges)] = None
        except ValidationError as error:
            faults.append(FieldError(f"{field}.{index}", error.detail))
    if faults:
        raise ValidationError("An endpoint is refused.", errors=tuple(faults))
    return tuple(parsed)


def _refuse_unreachable(address: IPAddress, mesh_ranges: Iterable[IPNetwork]) -> None:
    for network, what in _REFUSED:
        if _within(address, network):
            raise ValidationError(f"{address} is {what}: no other machine can reach a node there.")
    embedded = _embedded(address)
    if embedded is not None:
        _refuse_unreachable(embedded, mesh_ranges)
    if any(_within(address, network) for network in mesh_ranges):
        raise ValidationError(f"{address} is an address of the mesh, which cannot carry itself.")


def _embedded(address: IPAddress) -> IPv4Address | None:
    for network, shift in _EMBEDDING:
        if _within(address, network):
            return IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return None


def _within(address: IPAddress, network: IPNetwork) -> bool:
    return address.version == network.version and address in network
