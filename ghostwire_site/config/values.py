"""The kinds of values that stand in ``ghostwire.yaml``: durations, sizes, rates, addresses, origins.

Each kind has one parser (text in, value out, ``ValueError`` with a sentence for people), one spelling back, and an
annotated type for the models.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from ghostwire_site.config.ranges import AddressRange, parse_address_range

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|min|s|m|h|d|w))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|min|s|m|h|d|w)")
_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]i?B|B)", re.IGNORECASE)
_RATE = re.compile(r"(\d+)\s*/\s*(s|sec|second|m|min|minute|h|hour)")
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` calls in ``seconds``."""

    count: int
    seconds: int

    def __str__(self) -> str:
        unit = {1: "s", 60: "min", 3600: "h"}[self.seconds]
        return f"{self.count}/{unit}"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where the server listens: a literal IP address and a TCP port."""

    host: IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if self.host.version == 6 else str(self.host)
        return f"{host}:{self.port}"


def parse_duration(value: object) -> timedelta:
    """Read ``30s``, ``250ms``, ``24h``, ``7d`` or ``1h30m``. A bare number is refused: it does not say its unit."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip().lower() if isinstance(value, str) else ""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{value!r} is not a duration; write a number and a unit, as 250ms, 30s, 5m, 24h or 7d")
    return timedelta(seconds=sum(float(count) * _UNITS[unit] for count, unit in _DURATION_PART.findall(text)))


def format_duration(value: timedelta) -> str:
    """Spell a duration in the largest unit that divides it: ``timedelta(hours=24)`` is ``24h``, 7 days are ``7d``."""
    milliseconds = round(value.total_seconds() * 1000)
    if milliseconds % 1000:
        return f"{milliseconds}ms"
    seconds = milliseconds // 1000
    if seconds and seconds % 86400 == 0 and seconds > 2 * 86400:
        return f"{seconds // 86400}d"
    if seconds and seconds % 3600 == 0:
        return f"{seconds // 3600}h"
    if seconds and seconds % 60 == 0 and seconds > 120:
        return f"{seconds // 60}m"
    return f"{seconds}s"


def parse_size(value: object) -> int:
    """Read ``256MB`` (10^6) or ``256MiB`` (2^20) as bytes. A bare number is refused: it does not say its unit."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{value!r} is not a size; write a number and a unit, as 64MB or 256MiB")
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"{value!r} is not a size; write a number and a unit, as 64MB or 256MiB")
    return round(float(match[1]) * _SIZES[match[2].upper()])


def format_size(value: int) -> str:
    """Spell a number of bytes: ``256_000_000`` is ``256MB``."""
    for unit in ("GIB", "GB", "MIB", "MB", "KIB", "KB"):
        if value and value % _SIZES[unit] == 0:
            return f"{value // _SIZES[unit]}{unit.replace('IB', 'iB')}"
    return f"{value}B"


def parse_rate(value: object) -> Rate:
    """Read ``30/min``, ``5/s`` or ``1000/h``; at least one call."""
    if isinstance(value, Rate):
        return value
    match = _RATE.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if not match or int(match[1]) == 0:
        raise ValueError(f"{value!r} is not a rate; write a positive number and s, min or h, as 30/min")
    return Rate(count=int(match[1]), seconds={"s": 1, "m": 60, "h": 3600}[match[2][0]])


def parse_listen_address(value: object) -> ListenAddress:
    """Read ``0.0.0.0:8080`` or ``[::]:8080``. The host is a literal address, so nothing has to be resolved."""
    if isinstance(value, ListenAddress):
        return value
    hint = "write an address and a port, as 0.0.0.0:8080 or [::]:8080"
    host, colon, port = value.strip().rpartition(":") if isinstance(value, str) else ("", "", "")
    if not colon or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError(f"{value!r} has no port between 1 and 65535; {hint}")
    bracketed = host.startswith("[") and host.endswith("]")
    if host == "localhost":
        host = "127.0.0.1"
    try:
        address = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise ValueError(f"{host!r} is not an IP address; {hint}") from None
    if bracketed != (address.version == 6):
        raise ValueError(f"{value!r} must have brackets around an IPv6 address and around nothing else; {hint}")
    return ListenAddress(host=address, port=int(port))


def parse_origin(value: object) -> str:
    """Read a URL without path as an origin: lower case, no default port, no trailing slash.

    This is the audience of a proof of possession, so each origin has exactly one spelling.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a URL such as https://vpn.example.com")
    parts = urlsplit(value.strip())
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{value!r} must begin with https:// or http://")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError(f"{value!r} must be scheme, host and port alone, as https://vpn.example.com")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"{value!r} has no port between 1 and 65535") from None
    host = (parts.hostname or "").lower()
    if ":" in host:
        try:
            host = f"[{IPv6Address(host).compressed}]"
        except ValueError:
            raise ValueError(f"{value!r} has an address that is not IPv6") from None
    elif not _HOST_NAME.fullmatch(host):
        raise ValueError(f"{value!r} has no valid host name")
    suffix = "" if port is None or port == _DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def parse_network(value: object) -> IPv4Network | IPv6Network:
    """Read a CIDR whose host bits are zero; says which network was meant where they are not."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError:
        pass
    try:
        meant = ip_network(value if isinstance(value, str) else "", strict=False)
    except ValueError:
        raise ValueError(f"{value!r} is not a network such as 10.1.0.0/16 or fd00:1234::/48") from None
    raise ValueError(f"{value!r} has bits set beyond its prefix length; did you mean {meant}?")


def parse_address(value: object) -> IPv4Address | IPv6Address:
    """Read one IP address."""
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    try:
        return ip_address(value.strip() if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address") from None


def parse_domain(value: object) -> str:
    """Read a DNS name as lower case without a trailing dot."""
    text = value.strip().lower().rstrip(".") if isinstance(value, str) else ""
    if len(text) > 253 or not _HOST_NAME.fullmatch(text) or "_" in text:
        raise ValueError(f"{value!r} is not a domain name such as mycompany.ghost")
    return text


def _of_version(version: int) -> Callable[[object], object]:
    def parse(value: object) -> object:
        network = parse_network(value)
        if network.version != version:
            raise ValueError(f"{value!r} is not an IPv{version} network")
        if network.is_multicast or network.is_loopback or network.is_link_local or network.is_unspecified:
            raise ValueError(f"{value!r} cannot be given to nodes (loopback, link-local, multicast or unspecified)")
        return network

    return parse


def _parse_ipv6_choice(value: object) -> object:
    return value if value in (None, "random") else _of_version(6)(value)


def between(low: str, high: str, *, whole_seconds: bool = True) -> AfterValidator:
    """Bound a duration, both ends included; goes into ``Annotated`` beside ``Duration``."""
    lowest, highest = parse_duration(low), parse_duration(high)

    def check(value: timedelta) -> timedelta:
        if not lowest <= value <= highest:
            raise ValueError(f"{format_duration(value)} is not between {low} and {high}")
        if whole_seconds and value.microseconds:
            raise ValueError(f"{format_duration(value)} is not a whole number of seconds")
        return value

    return AfterValidator(check)


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)]
Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(format_size)]
RateLimit = Annotated[Rate, BeforeValidator(parse_rate), PlainSerializer(str)]
Listen = Annotated[ListenAddress, BeforeValidator(parse_listen_address), PlainSerializer(str)]
Origin = Annotated[str, BeforeValidator(parse_origin)]
Address = Annotated[IPv4Address | IPv6Address, BeforeValidator(parse_address), PlainSerializer(str)]
Domain = Annotated[str, BeforeValidator(parse_domain)]
Network4 = Annotated[IPv4Network, BeforeValidator(_of_version(4)), PlainSerializer(str)]
Network6OrRandom = Annotated[IPv6Network | str | None, BeforeValidator(_parse_ipv6_choice)]
AnyNetwork = Annotated[IPv4Network | IPv6Network, BeforeValidator(parse_network), PlainSerializer(str)]
Addresses = Annotated[AddressRange, BeforeValidator(parse_address_range), PlainSerializer(str)]
