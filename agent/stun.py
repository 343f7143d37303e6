"""Measures the way to STUN servers: the least of a few round trips each, from one socket an IP version."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final

from agent.netmap import Address, Endpoint
from agent.relays import RelayServer
from mesh.stun import TRANSACTION_BYTES, StunError, binding_request, read_answer

ROUNDS: Final = 3
GAP_SECONDS: Final = 0.1
WAIT_SECONDS: Final = 1.5
"""For answers after the last request; slower ones are no way for anybody's traffic."""
LOOKUP_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds by server, of those that answered, and from where each IP version's packets come."""

    latencies: dict[RelayServer, float] = field(default_factory=dict)
    ipv4: Endpoint | None = None
    ipv6: Endpoint | None = None


async def measure(
    servers: Sequence[RelayServer],
    *,
    rounds: int = ROUNDS,
    gap: float = GAP_SECONDS,
    wait: float = WAIT_SECONDS,
) -> Measured:
    """Ask each server ``rounds`` times, ``gap`` seconds apart, over both IP versions; answers count for ``wait``
    seconds after that. What fails is left out."""
    unique = list(dict.fromkeys(servers))
    found = await asyncio.gather(*map(_addresses, unique))
    places = [(server, address) for server, addresses in zip(unique, found, strict=True) for address in addresses]
    families = [
        _measure_family([place for place in places if place[1].version == version], version, rounds, gap, wait)
        for version in (4, 6)
    ]
    four, six = await asyncio.gather(*families)
    latencies = dict(four.best)
    for server, ms in six.best.items():
        latencies[server] = min(ms, latencies.get(server, ms))
    return Measured(latencies, four.seen, six.seen)


async def _addresses(server: RelayServer) -> list[Address]:
    """One of each IP version at most."""
    texts = [text for text in (server.ipv4, server.ipv6) if text]
    if not texts:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                rows = await asyncio.get_running_loop().getaddrinfo(server.host, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError, TimeoutError):
            return []
        texts = [str(row[4][0]) for row in rows]
    found: dict[int, Address] = {}
    for text in texts:
        with suppress(ValueError):
            address = ip_address(text)
            found.setdefault(address.version, address)
    return list(found.values())


class _Asking(asyncio.DatagramProtocol):
    """Requests under way, and the least time of each server."""

    def __init__(self) -> None:
        self.best: dict[RelayServer, float] = {}
        self.seen: Endpoint | None = None
        self.done = asyncio.Event()
        self._open: dict[bytes, tuple[RelayServer, float]] = {}

    def ask(self, transport: asyncio.DatagramTransport, server: RelayServer, address: Address) -> None:
        transaction = secrets.token_bytes(TRANSACTION_BYTES)
        self._open[transaction] = (server, time.perf_counter())
        self.done.clear()
        transport.sendto(binding_request(transaction), (str(address), server.stun_port))

    def datagram_received(self, data: bytes, addr: Any) -> None:
        now = time.perf_counter()
        transaction = data[8:20]
        if transaction not in self._open:
            return
        with suppress(StunError):
            seen = read_answer(data, transaction)
            server, sent = self._open.pop(transaction)
            ms = round((now - sent) * 1000, 1)
            self.best[server] = min(ms, self.best.get(server, ms))
            self.seen = Endpoint(*seen)
            if not self._open:
                self.done.set()

    def error_received(self, exc: Exception) -> None:
        """No way there: the server goes without an answer."""


async def _measure_family(
    places: list[tuple[RelayServer, Address]], version: int, rounds: int, gap: float, wait: float
) -> _Asking:
    if not places:
        return _Asking()
    family, anywhere = (socket.AF_INET, "0.0.0.0") if version == 4 else (socket.AF_INET6, "::")  # noqa: S104
    loop = asyncio.get_running_loop()
    try:
        transport, asking = await loop.create_datagram_endpoint(_Asking, local_addr=(anywhere, 0), family=family)
    except OSError:
        return _Asking()  # a machine without this IP version
    try:
        for number in range(rounds):
            if number:
                await asyncio.sleep(gap)
            for server, address in places:
                asking.ask(transport, server, address)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await asking.done.wait()
    finally:
        transport.close()
    return asking
