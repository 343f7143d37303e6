"""The machines: a process of its own that registers new keys, one after the other on each connection.

``python -m bench.registration_load PORTS MACHINES CONNECTIONS AUDIENCE`` reads the auth key from its input and prints
one JSON object: how many seconds it took, and how many were refused.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import sys
import time
from collections.abc import Iterator
from typing import Any

import uvloop

from mesh.keys import encode_key, format_proof_header, generate_private_key, make_proof, public_key_of


class Caller:
    """One connection that is kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def post(self, path: str, body: bytes, headers: str = "") -> tuple[int, dict[str, Any]]:
        """The status and the members of the answer."""
        self.writer.write(
            f"POST /api/v1/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{headers}\r\n".encode()
            + body
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        at = head.lower().index(b"content-length: ") + 16
        length = int(head[at : head.index(b"\r", at)])
        return int(head[9:12]), json.loads(await self.reader.readexactly(length))


async def register(caller: Caller, auth_key: str, audience: str) -> bool:
    """A new machine; whether it was let in."""
    private = generate_private_key(secrets.token_bytes(32))
    public = public_key_of(private)
    asked = json.dumps({"public_key": encode_key(public)}).encode()
    status, challenge = await caller.post("nodes/challenge", asked)
    if status != 201:
        return False
    hostname = f"m-{secrets.token_hex(6)}"
    body = json.dumps({"public_key": encode_key(public), "hostname": hostname, "auth_key": auth_key}).encode()
    proof = make_proof(
        purpose="register",
        private_key=private,
        server_key=base64.b64decode(challenge["server_key"]),
        nonce=base64.b64decode(challenge["nonce"]),
        audience=audience,
        public_key=public,
        body=body,
    )
    header = f"GhostWire-Proof: {format_proof_header(challenge['challenge_id'], proof)}\r\n"
    status, _ = await caller.post("nodes/register", body, header)
    return status == 201


async def one_after_the_other(port: int, machines: Iterator[int], auth_key: str, audience: str) -> int:
    """Registers until no machine is left; how many were refused."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    caller, refused = Caller(reader, writer), 0
    for _ in machines:
        refused += not await register(caller, auth_key, audience)
    writer.close()
    return refused


async def main(ports: list[int], machines: int, connections: int, audience: str, auth_key: str) -> None:
    """Everything at once."""
    left = iter(range(machines))
    began = time.perf_counter()
    refused = await asyncio.gather(
        *(one_after_the_other(ports[n % len(ports)], left, auth_key, audience) for n in range(connections))
    )
    print(json.dumps({"seconds": time.perf_counter() - began, "refused": sum(refused)}))


if __name__ == "__main__":
    uvloop.run(
        main(
            [int(port) for port in sys.argv[1].split(",")],
            int(sys.argv[2]),
            int(sys.argv[3]),
            sys.argv[4],
            sys.stdin.read().strip(),
        )
    )
