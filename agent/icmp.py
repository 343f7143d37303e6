"""Echo requests (RFC 792, RFC 4443) through the mesh interface alone: an answer proves the mesh, and no other way."""

from __future__ import annotations

import ipaddress
import os
import select
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Final

from agent.errors import BackendError

_ECHO: Final = {4: (8, 0), 6: (128, 129)}  # type of request and reply
_PAYLOAD: Final = b"ghostwire-agent ping".ljust(56, b".")


@dataclass(slots=True)
class Pinger:
    """Pings one address through one interface."""

    interface: str
    address: str
    _identifier: int = field(default_factory=lambda: os.getpid() & 0xFFFF)

    def once(self, sequence: int, timeout: float) -> float | None:
        """Send one request; the seconds until its reply, or None if none came in time.

        :raises BackendError: if this process may not, or the machine has no way there
        """
        version = ipaddress.ip_address(self.address).version
        with _open(version, self.interface) as (connection, is_raw):
            request = _request(version, self._identifier, sequence)
            begun = time.monotonic()
            try:
                connection.sendto(request, (self.address, 0))
            except OSError as error:
                raise BackendError(f"{self.address}: {error.strerror}.") from error
            while (left := begun + timeout - time.monotonic()) > 0:
                if not select.select([connection], [], [], left)[0]:
                    break
                packet, sender = connection.recvfrom(2048)
                if sender[0] == self.address and self._is_reply(packet, version, sequence, is_raw=is_raw):
                    return time.monotonic() - begun
        return None

    def _is_reply(self, packet: bytes, version: int, sequence: int, *, is_raw: bool) -> bool:
        # A raw IPv4 socket delivers the IP header as well; on a ping socket the kernel has set the identifier.
        icmp = packet[(packet[0] & 0x0F) * 4 :] if is_raw and version == 4 else packet
        if len(icmp) < 8:
            return False
        kind, _, _, identifier, number = struct.unpack("!BBHHH", icmp[:8])
        return kind == _ECHO[version][1] and number == sequence and (not is_raw or identifier == self._identifier)


class _open:  # noqa: N801 - reads as a verb
    """A ping socket where the machine allows them, else a raw one; bound to the interface."""

    def __init__(self, version: int, interface: str) -> None:
        family, protocol = (
            (socket.AF_INET, socket.IPPROTO_ICMP) if version == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
        )
        try:
            try:
                self._socket, self._raw = socket.socket(family, socket.SOCK_DGRAM, protocol), False
            except PermissionError:
                self._socket, self._raw = socket.socket(family, socket.SOCK_RAW, protocol), True
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        except PermissionError as error:
            raise BackendError("Pings need root, or the capability CAP_NET_RAW.") from error
        except OSError as error:
            raise BackendError(f"{interface}: {error.strerror}.") from error

    def __enter__(self) -> tuple[socket.socket, bool]:
        return self._socket, self._raw

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def _request(version: int, identifier: int, sequence: int) -> bytes:
    kind = _ECHO[version][0]
    bare = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence) + _PAYLOAD
    if version == 6:
        return bare  # the kernel fills in the checksum, which covers addresses (RFC 4443 section 2.3)
    return struct.pack("!BBHHH", kind, 0, checksum(bare), identifier, sequence) + _PAYLOAD


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
