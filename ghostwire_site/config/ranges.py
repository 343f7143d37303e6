"""Ranges of addresses that the pools must not hand out, as ``network.exclude`` lists them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


@dataclass(frozen=True, slots=True)
class AddressRange:
    """All addresses from ``first`` to ``last``, both included and of one family."""

    first: IPv4Address | IPv6Address
    last: IPv4Address | IPv6Address

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.first.version

    def overlaps(self, network: IPv4Network | IPv6Network) -> bool:
        """Tell whether any address of the range lies in ``network``; never so across families."""
        if self.version != network.version:
            return False
        return int(self.first) <= int(network.broadcast_address) and int(network.network_address) <= int(self.last)

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def parse_address_range(value: object) -> AddressRange:
    """Read ``10.1.0.0/24``, ``10.1.0.10-10.1.0.20`` or ``10.1.0.7``.

    Raises:
        ValueError: in words for the person who wrote the file.
    """
    if isinstance(value, AddressRange):
        return value
    text = value.strip() if isinstance(value, str) else ""
    try:
        if "-" in text:
            first, last = (ip_address(part.strip()) for part in text.split("-", 1))
        else:
            network = ip_network(text, strict=False)
            first, last = network.network_address, network.broadcast_address
    except ValueError:
        raise ValueError(f"{value!r} is not an address, a network or a range such as 10.1.0.10-10.1.0.20") from None
    if first.version != last.version or int(first) > int(last):
        raise ValueError(f"{value!r} must run from a lower to a higher address of one family")
    return AddressRange(first=first, last=last)
