"""The addresses of this machine, from which the default public URLs follow."""

from __future__ import annotations

import array
import fcntl
import socket
import struct
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from ghostwire_site.config.values import ListenAddress

_SIOCGIFCONF = 0x8912
_IFREQ_SIZE = 40  # struct ifreq on 64-bit Linux: 16 bytes of name, then a sockaddr in a union of 24
_LINK_SCOPE = 0x20
_ANYWHERE = {4: ("192.0.2.1", socket.AF_INET), 6: ("2001:db8::1", socket.AF_INET6)}


def machine_addresses() -> tuple[IPv4Address | IPv6Address, ...]:
    """List this machine's addresses others may know: the ones it would send from first, then IPv4, then IPv6.

    Loopback and link-local addresses are left out.
    """
    found: list[IPv4Address | IPv6Address] = [source for version in (4, 6) if (source := _source_address(version))]
    found += [*_ipv4_addresses(), *_ipv6_addresses()]
    return tuple(dict.fromkeys(address for address in found if not (address.is_loopback or address.is_link_local)))


def default_public_urls(listen: ListenAddress) -> tuple[str, ...]:
    """Derive plain-http origins from where the server listens; the first is the one to print and hand out."""
    loopback = ("localhost", "127.0.0.1") if listen.host.version == 4 else ("localhost", "127.0.0.1", "[::1]")
    if listen.host.is_loopback:
        hosts = [_in_url(listen.host), "localhost"]
    elif listen.host.is_unspecified:
        reachable = [a for a in machine_addresses() if a.version == 4 or listen.host.version == 6]
        hosts = [*map(_in_url, reachable), socket.gethostname().lower(), *loopback]
    else:
        hosts = [_in_url(listen.host)]
    port = "" if listen.port == 80 else f":{listen.port}"
    return tuple(dict.fromkeys(f"http://{host}{port}" for host in hosts))


def _in_url(address: IPv4Address | IPv6Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _source_address(version: int) -> IPv4Address | IPv6Address | None:
    """Ask the routing table which address a packet to the world would carry. Nothing is sent."""
    target, family = _ANYWHERE[version]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((target, 9))
        except OSError:
            return None  # no route of this family
        text = probe.getsockname()[0]
    return IPv4Address(text) if version == 4 else IPv6Address(text)


def _ipv4_addresses() -> list[IPv4Address]:
    buffer = array.array("B", bytes(_IFREQ_SIZE * 256))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        request = struct.pack("iL", len(buffer), buffer.buffer_info()[0])
        length = struct.unpack("iL", fcntl.ioctl(asker, _SIOCGIFCONF, request))[0]
    entries = buffer.tobytes()[:length]
    return [IPv4Address(entries[at + 20 : at + 24]) for at in range(0, length, _IFREQ_SIZE)]


def _ipv6_addresses() -> list[IPv6Address]:
    table = Path("/proc/net/if_inet6")
    if not table.exists():
        return []
    rows = [line.split() for line in table.read_text(encoding="ascii").splitlines()]
    return [IPv6Address(bytes.fromhex(row[0])) for row in rows if int(row[3], 16) != _LINK_SCOPE]
