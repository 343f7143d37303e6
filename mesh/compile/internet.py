"""The internet as exit nodes may reach it: all that is not private, the mesh, or a subnet behind a router."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, collapse_addresses, ip_network, summarize_address_range
from typing import Final

from mesh.policy.facts import Address, Prefix

_NOT_INTERNET: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network, RFC 1122 section 3.2.1.3
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # shared address space of carrier-grade NAT, RFC 6598
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, RFC 3927
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/4",  # multicast, RFC 5771
        "240.0.0.0/4",  # reserved, RFC 1112 section 4, and broadcast
        "2001::/32",  # Teredo, RFC 4380: carries IPv4 addresses, private ones too
        "2002::/16",  # 6to4, RFC 3056: the same
    )
)
_IPV6_UNICAST: Final = ip_network("2000::/3")  # RFC 4291 section 2.4: all else is special, private or unassigned
_IPV4_ALL: Final = ip_network("0.0.0.0/0")


def internet_prefixes(family: int, excluded: Iterable[Prefix]) -> tuple[Prefix, ...]:
    """The prefixes of the internet in ``family`` (4 or 6) without ``excluded`` (mesh ranges and subnet routes)."""
    whole = _IPV4_ALL if family == 4 else _IPV6_UNICAST
    holes = sorted(
        (int(item.network_address), int(item.broadcast_address))
        for item in (*_NOT_INTERNET, *excluded)
        if item.version == family and item.prefixlen
    )
    found: list[Prefix] = []
    position, last = int(whole.network_address), int(whole.broadcast_address)
    for low, high in (*holes, (last + 1, last + 1)):
        if low > position:
            found.extend(_summarized(position, min(low - 1, last), family))
        position = max(position, high + 1)
        if position > last:
            break
    return tuple(found)


def _summarized(low: int, high: int, family: int) -> Iterable[Prefix]:
    if family == 4:
        return summarize_address_range(IPv4Address(low), IPv4Address(high))
    return summarize_address_range(IPv6Address(low), IPv6Address(high))


def is_internet(address: Address, excluded: Iterable[Prefix]) -> bool:
    """Whether ``address`` belongs to the internet as ``internet_prefixes`` describes it."""
    if address.version == 6 and address not in _IPV6_UNICAST:
        return False
    return not any(
        address in item for item in (*_NOT_INTERNET, *excluded) if item.version == address.version and item.prefixlen
    )


def collapsed(prefixes: Iterable[Prefix]) -> tuple[Prefix, ...]:
    """The same addresses in as few prefixes as can be, IPv4 first, sorted."""
    found = list(prefixes)
    ipv4: list[Prefix] = list(collapse_addresses(item for item in found if item.version == 4))
    ipv6: list[Prefix] = list(collapse_addresses(item for item in found if item.version == 6))
    return (*ipv4, *ipv6)
