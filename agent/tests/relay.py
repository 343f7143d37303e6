"""A STUN server for the agent's tests, on one of the machine's loopback addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

from mesh.stun import binding_answer, read_request


class StunServer(asyncio.DatagramProtocol):
    """Answers binding requests, but for those that a test makes it deaf to. ``heard`` counts all."""

    def __init__(self) -> None:
        self.heard = 0
        self.deaf = False
        self.forged = False
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard += 1
        transaction = bytes(12) if self.forged else read_request(data)
        if not self.deaf:
            self._transport.sendto(binding_answer(transaction, (ip_address(addr[0]), addr[1])), addr)

    @property
    def port(self) -> int:
        return int(self._transport.get_extra_info("sockname")[1])


@asynccontextmanager
async def stun_server(host: str = "127.0.0.1") -> AsyncIterator[StunServer]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(StunServer, local_addr=(host, 0))
    try:
        yield server
    finally:
        transport.close()


def derp_map(*regions: tuple[int, int]) -> dict[str, Any]:
    """The member of a map: regions by number with the STUN port of their one server on loopback."""
    return {
        "regions": {
            str(number): {
                "id": number,
                "code": f"r{number}",
                "name": f"Region {number}",
                "nodes": [
                    {"name": "a", "host": "relay.invalid", "ipv4": "127.0.0.1", "ipv6": None, "port": 443,
                     "stun_port": port}
                ],
            }
            for number, port in regions
        }
    }  # fmt: skip
