"""WireGuard's cross-platform configuration protocol (wireguard.com/xplatform): text over a Unix socket."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from agent.backend.base import PeerStats, PeerUpdate
from agent.errors import BackendError
from agent.netmap import Endpoint
from agent.netmap.values import parse_endpoint

SOCKET_DIR: Final = Path("/var/run/wireguard")
_TIMEOUT_SECONDS: Final = 10.0


def socket_path(interface: str) -> Path:
    """Where an implementation listens for an interface."""
    return SOCKET_DIR / f"{interface}.sock"


def is_listening(path: Path) -> bool:
    """Whether somebody takes connections on a socket; a file without a process behind it does not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_SECONDS)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def encode_device(private_key: bytes, port: int) -> str:
    """The lines that set a device's key and port, and leave it without peers."""
    return f"private_key={private_key.hex()}\nlisten_port={port}\nreplace_peers=true\n"


def encode_key_change(private_key: bytes) -> str:
    """The line that sets a device's key and nothing else."""
    return f"private_key={private_key.hex()}\n"


def encode_updates(updates: Iterable[PeerUpdate]) -> str:
    """The lines that carry out the updates in order."""
    lines: list[str] = []
    for update in updates:
        lines.append(f"public_key={base64.b64decode(update.key).hex()}")
        if update.remove:
            lines.append("remove=true")
            continue
        if update.endpoint is not None:
            lines.append(f"endpoint={update.endpoint}")
        if update.keepalive is not None:
            lines.append(f"persistent_keepalive_interval={update.keepalive}")
        if update.allowed_ips is not None:
            lines.append("replace_allowed_ips=true")
            lines += [f"allowed_ip={prefix}" for prefix in sorted(map(str, update.allowed_ips))]
    return "".join(f"{line}\n" for line in lines)


def decode_stats(answer: str) -> list[PeerStats]:
    """The peers in the answer to a ``get``."""
    found: list[PeerStats] = []
    current: dict[str, str] = {}
    for line in answer.splitlines():
        name, _, value = line.partition("=")
        if name == "public_key":
            if current:
                found.append(_stats(current))
            current = {"public_key": value}
        elif current:
            current[name] = value
    return [*found, _stats(current)] if current else found


def _stats(peer: dict[str, str]) -> PeerStats:
    seconds = int(peer.get("last_handshake_time_sec", "0"))
    fraction = int(peer.get("last_handshake_time_nsec", "0")) / 1e9
    return PeerStats(
        key=base64.b64encode(bytes.fromhex(peer["public_key"])).decode("ascii"),
        endpoint=_endpoint(peer.get("endpoint")),
        handshake=seconds + fraction,
        rx=int(peer.get("rx_bytes", "0")),
        tx=int(peer.get("tx_bytes", "0")),
    )


def _endpoint(spelled: str | None) -> Endpoint | None:
    # An IPv6 endpoint may carry the zone of a link: it is of no use to anyone but this machine.
    return parse_endpoint(spelled) if spelled and "%" not in spelled else None


def call(path: Path, operation: str, body: str = "") -> str:
    """Send one operation (``get`` or ``set``) and return the answer's lines without the error number.

    :raises BackendError: if nobody answers, or the answer is an error
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT_SECONDS)
            connection.connect(str(path))
            connection.sendall(f"{operation}=1\n{body}\n".encode("ascii"))
            answer = b""
            while not answer.endswith(b"\n\n"):
                chunk = connection.recv(1 << 16)
                if not chunk:
                    raise BackendError(f"{path}: the answer broke off.")
                answer += chunk
    except OSError as error:
        raise BackendError(f"{path}: {error}.") from error
    lines, _, number = answer.decode("ascii").rstrip("\n").rpartition("errno=")
    if number != "0":
        raise BackendError(f"{path}: {operation} was refused (error {number}).")
    return lines
