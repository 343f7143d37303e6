"""Protocols and ports of a rule, and what they mean together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mesh.errors import ValidationError
from mesh.policy.limits import MAX_PORT_RANGES

ICMP: Final = 1
IGMP: Final = 2
TCP: Final = 6
UDP: Final = 17
GRE: Final = 47
ESP: Final = 50
IPV6_ICMP: Final = 58
SCTP: Final = 132

PROTOCOL_NAMES: Final[Mapping[str, int]] = {
    "icmp": ICMP,
    "igmp": IGMP,
    "ipv4": 4,
    "ip-in-ip": 4,
    "tcp": TCP,
    "egp": 8,
    "igp": 9,
    "udp": UDP,
    "gre": GRE,
    "esp": ESP,
    "ah": 51,
    "ipv6-icmp": IPV6_ICMP,
    "sctp": SCTP,
    "fc": 133,
}
_NUMBER_NAMES: Final[Mapping[int, str]] = {number: name for name, number in reversed(list(PROTOCOL_NAMES.items()))}

DEFAULT_PROTOCOLS: Final = (ICMP, TCP, UDP, IPV6_ICMP)
"""What an empty list of protocols stands for."""

PORT_PROTOCOLS: Final = frozenset({TCP, UDP, SCTP})
LAST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, order=True)
class PortRange:
    """Ports ``first`` to ``last``, both included."""

    first: int
    last: int


ANY_PORT: Final = PortRange(0, LAST_PORT)


def parse_protocol(text: str | int) -> int:
    """An IANA protocol number (1-255) from its number or from a name that rules may use. Raises ValidationError."""
    if isinstance(text, str):
        name = text.strip().lower()
        if name in PROTOCOL_NAMES:
            return PROTOCOL_NAMES[name]
        if not (name.isascii() and name.isdigit() and len(name) <= 3):
            raise ValidationError(f"“{text}” is not a protocol: use {', '.join(PROTOCOL_NAMES)} or a number 1-255")
        text = int(name)
    if isinstance(text, bool) or not 1 <= text <= 255:
        raise ValidationError(f"protocol {text} is not within 1-255")
    return text


def format_protocol(number: int) -> str:
    """The name of a protocol, or its number where rules have no name for it."""
    return _NUMBER_NAMES.get(number, str(number))


def parse_ports(text: str) -> tuple[PortRange, ...]:
    """Read ``22``, ``80,443``, ``8000-8999`` or ``*``; the result is sorted and merged, empty for any port.

    Raises ValidationError for anything else, more than 256 ranges included.
    """
    if text.strip() == "*":
        return ()
    parts = text.split(",")
    if len(parts) > MAX_PORT_RANGES:
        raise ValidationError(f"at most {MAX_PORT_RANGES} port ranges in a rule")
    ranges = []
    for part in parts:
        first, dash, last = part.strip().partition("-")
        low = _port(first, part)
        high = _port(last, part) if dash else low
        if low > high:
            raise ValidationError(f"“{part.strip()}” ends before it begins")
        ranges.append(PortRange(low, high))
    return merge_ports(ranges)


def _port(digits: str, part: str) -> int:
    digits = digits.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5) or int(digits) > LAST_PORT:
        raise ValidationError(f"“{part.strip()}” is not a port (0-65535), a range (80-90) or *")
    return int(digits)


def merge_ports(ranges: Iterable[PortRange]) -> tuple[PortRange, ...]:
    """Sort and merge ranges that touch; empty when they cover every port."""
    merged: list[PortRange] = []
    for item in sorted(ranges):
        if merged and item.first <= merged[-1].last + 1:
            merged[-1] = PortRange(merged[-1].first, max(merged[-1].last, item.last))
        else:
            merged.append(item)
    return () if merged == [ANY_PORT] else tuple(merged)


def format_ports(ports: tuple[PortRange, ...]) -> str:
    """The written form that ``parse_ports`` reads."""
    if not ports:
        return "*"
    return ",".join(str(item.first) if item.first == item.last else f"{item.first}-{item.last}" for item in ports)


def services_of(
    protocols: tuple[int, ...], ports: tuple[PortRange, ...], *, accept: bool
) -> tuple[tuple[int, tuple[PortRange, ...]], ...]:
    """What a rule speaks of: ``(protocol, ranges)``, sorted by protocol; ``(ANY_PORT,)`` where ports do not bind.

    Empty protocols mean TCP, UDP and ICMP. An accept with particular ports lets ping through as well; a deny with
    particular ports concerns TCP and UDP only, else forbidding one port would forbid ping too. Ports that come unmerged
    are merged here, since everything after relies on it.
    """
    ports = merge_ports(ports)
    chosen = protocols or DEFAULT_PROTOCOLS
    if ports and not protocols and not accept:
        chosen = (TCP, UDP)
    whole = (ANY_PORT,)
    return tuple((number, ports if ports and number in PORT_PROTOCOLS else whole) for number in sorted(set(chosen)))
