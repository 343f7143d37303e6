"""Address pools: which addresses of a range may be given out, and which comes next.

A pool holds no list of what is taken. It answers "the next candidate from here" in the logarithm of its exclusions,
so giving out the 50,000th address costs what the first one cost; who holds what is the database's business.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import InitVar, dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from mesh.errors import ValidationError

IPAddress: TypeAlias = IPv4Address | IPv6Address
IPNetwork: TypeAlias = IPv4Network | IPv6Network

# By convention this one belongs to another product; machines that run both must not meet it by chance.
FOREIGN_ULA: Final = IPv6Network("fd7a:115c:a1e0::/48")

# Ranges in which no machine can have an address of its own: RFC 1122 section 3.2.1.3, RFC 3927, RFC 5771, RFC 1112
# section 4, RFC 4291 sections 2.4 to 2.7.
_UNUSABLE: Final[tuple[IPNetwork, ...]] = (
    *map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")),
    *map(IPv6Network, ("::/8", "fe80::/10", "ff00::/8")),
)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """All addresses of one family from ``first`` to ``last``, both included, as numbers."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Pool:
    """The addresses of ``network`` that nodes may hold.

    Reserved are the first address (the network's own; for IPv6 the routers' anycast address, RFC 4291 section
    2.6.1), the second one, on which the mesh's resolver answers, and the last (the broadcast address; for IPv6 only
    for symmetry). A range of one or two addresses (/32, /31, /128, /127; RFC 3021, RFC 6164) has no room for that:
    there all addresses are given out and ``resolver`` is None. ``exclusions`` are never given out; what of them lies
    outside the range does not matter.

    A cursor is an offset from the first address; it begins at 0, and everything below it has been a candidate.
    """

    network: IPNetwork
    exclusions: InitVar[Iterable[Interval]] = ()
    capacity: int = field(init=False, repr=False)
    """How many addresses can be given out, ever; a range may have more than 2**64."""
    _blocked: tuple[Interval, ...] = field(init=False, repr=False)
    """Reserved and excluded addresses: sorted offsets, neither overlapping nor adjoining."""
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self, exclusions: Iterable[Interval]) -> None:
        base, size = int(self.network.network_address), self.network.num_addresses
        blocked = [Interval(int(address) - base, int(address) - base) for address in self.reserved]
        for excluded in exclusions:
            first, last = max(excluded.first - base, 0), min(excluded.last - base, size - 1)
            if first <= last:
                blocked.append(Interval(first, last))
        merged = _merge(blocked)
        object.__setattr__(self, "_blocked", merged)
        object.__setattr__(self, "_starts", tuple(interval.first for interval in merged))
        object.__setattr__(self, "capacity", size - sum(part.last - part.first + 1 for part in merged))

    @property
    def reserved(self) -> tuple[IPAddress, ...]:
        """First, resolver and last address, or nothing where the range is too small for them."""
        if self.network.num_addresses <= 2:
            return ()
        return (self.network.network_address, self.network.network_address + 1, self.network.broadcast_address)

    @property
    def resolver(self) -> IPAddress | None:
        """The address kept for the mesh's resolver; None in a range of one or two addresses."""
        return self.reserved[1] if self.reserved else None

    def next_candidate(self, cursor: int) -> tuple[IPAddress, int] | None:
        """The first address at or after ``cursor`` that may be given out, and the cursor behind it; None at the end.

        :raises ValidationError: for a negative cursor
        """
        if cursor < 0:
            raise ValidationError("A cursor into an address pool is not negative.")
        inside = self._block_at(cursor)
        # Blocks never adjoin, so behind one there is a free address, or the end.
        offset = cursor if inside is None else inside.last + 1
        if offset >= self.network.num_addresses:
            return None
        return self.network.network_address + offset, offset + 1

    def contains(self, address: IPAddress) -> bool:
        """Whether the address lies in the range, whatever else holds of it."""
        return address.version == self.network.version and address in self.network

    def is_reserved(self, address: IPAddress) -> bool:
        """Whether the address is the range's first, its last or the resolver's."""
        return address in self.reserved

    def is_allocatable(self, address: IPAddress) -> bool:
        """Whether a node may hold the address: in the range, neither reserved nor excluded."""
        return self.contains(address) and self._block_at(int(address) - int(self.network.network_address)) is None

    def check_fixed(self, address: IPAddress) -> None:
        """Check an address that an administrator chose for a node.

        :raises ValidationError: with the reason, if no node may hold it
        """
        if not self.contains(address):
            raise ValidationError(f"{address} is not in the range {self.network}.")
        if address == self.resolver:
            raise ValidationError(f"{address} is reserved for the resolver of the mesh.")
        if self.is_reserved(address):
            raise ValidationError(f"{address} is reserved: it is the first or the last of {self.network}.")
        if not self.is_allocatable(address):
            raise ValidationError(f"{address} is excluded from the range {self.network}.")

    def _block_at(self, offset: int) -> Interval | None:
        index = bisect_right(self._starts, offset) - 1
        return self._blocked[index] if index >= 0 and offset <= self._blocked[index].last else None


def parse_range(text: str, *, family: int) -> IPNetwork:
    """Read the range of a pool (a CIDR of family 4 or 6 without host bits).

    :raises ValidationError: if it is none, is of the other family, or touches addresses that no machine can have
        (loopback, link-local, multicast and such)
    """
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValidationError(f"{text!r} is not a range of addresses: {error}.") from error
    if network.version != family or "/" not in text:
        raise ValidationError(f"{text!r} is not an IPv{family} range such as {_EXAMPLES[family]}.")
    for unusable in _UNUSABLE:
        if network.version == unusable.version and network.overlaps(unusable):
            raise ValidationError(f"{text} touches {unusable}, in which no machine can have an address.")
    return network


def parse_exclusions(texts: Iterable[str], *, family: int) -> tuple[Interval, ...]:
    """Read exclusions (``10.1.0.0/24``, ``10.1.0.10-10.1.0.20``, ``10.1.0.7``) and keep those of ``family`` (4, 6).

    :raises ValidationError: for a text, of either family, that is none of these
    """
    ranges = [_parse_exclusion(text) for text in texts]
    return tuple(Interval(int(first), int(last)) for first, last in ranges if first.version == family)


def random_ula(random5: bytes) -> IPv6Network:
    """A unique local /48 from 5 random bytes: fd and a 40-bit global id (RFC 4193 section 3.2).

    Never ``FOREIGN_ULA``: the one draw in 2**40 that hits it gives its neighbour.

    :raises ValidationError: if there are not 5 bytes
    """
    if len(random5) != 5:
        raise ValidationError(f"A unique local range is made of 5 random bytes, not {len(random5)}.")
    chosen = _ula(random5)
    return _ula(random5[:4] + bytes([random5[4] ^ 1])) if chosen == FOREIGN_ULA else chosen


def pack(address: IPAddress) -> str:
    """An address as 32 hexadecimal digits that sort as numbers do; IPv4 as its IPv4-mapped form (RFC 4291 2.5.5.2)."""
    mapped = 0xFFFF << 32 if address.version == 4 else 0
    return f"{mapped | int(address):032x}"


_EXAMPLES: Final = {4: "10.1.0.0/16", 6: "fd00:1234:5678::/48"}


def _ula(global_id: bytes) -> IPv6Network:
    return IPv6Network((b"\xfd" + global_id + bytes(10), 48))


def _merge(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.first <= merged[-1].last + 1:
            merged[-1] = Interval(merged[-1].first, max(merged[-1].last, interval.last))
        else:
            merged.append(interval)
    return tuple(merged)


def _parse_exclusion(text: str) -> tuple[IPAddress, IPAddress]:
    start, dash, end = text.partition("-")
    try:
        if dash:
            first, last = ip_address(start.strip()), ip_address(end.strip())
        else:
            network = ip_network(text.strip())
            first, last = network.network_address, network.broadcast_address
    except ValueError as error:
        example = "an address, a range of addresses such as 10.1.0.10-10.1.0.20, or a CIDR"
        raise ValidationError(f"{text!r} is not {example}.") from error
    if first.version != last.version or int(first) > int(last):
        raise ValidationError(f"{text!r} does not run from a lower to a higher address of one family.")
    return first, last
