"""The frames of the agent socket: which subprotocols this agent can offer, and what a frame says."""

from __future__ import annotations

import json
from typing import Any, Final

from websockets.typing import Subprotocol

from agent.errors import PortalUnreachableError

try:
    import zstandard
except ImportError:  # a machine without it works as well, and pays in bytes
    zstandard = None  # type: ignore[assignment]

PLAIN: Final = Subprotocol("ghostwire.v1")
ZSTD: Final = Subprotocol("ghostwire.v1+zstd")
MAX_MESSAGE: Final = 64 << 20  # a full mesh of 50,000 would be 17 MB a map


def offered() -> list[Subprotocol]:
    """The subprotocols to offer, the one liked best first."""
    return [PLAIN] if zstandard is None else [ZSTD, PLAIN]


def encode(message: dict[str, Any]) -> str:
    """A message to the portal: text in both subprotocols."""
    return json.dumps(message, separators=(",", ":"))


def decode(frame: str | bytes, subprotocol: str | None) -> dict[str, Any]:
    """A message from the portal. With zstd a frame is one or more zstd frames in a row, which make one message.

    :raises PortalUnreachableError: for what is no message, or would be a larger one than any map is
    """
    try:
        if subprotocol == ZSTD and isinstance(frame, bytes):
            frame = _unpack(frame)
        message = json.loads(frame) if isinstance(frame, str) else None
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise PortalUnreachableError("the portal sent a frame that is no message of protocol 1")
    return message


def _unpack(frame: bytes) -> str:
    try:
        with zstandard.ZstdDecompressor().stream_reader(frame, read_across_frames=True) as reader:
            plain = reader.read(MAX_MESSAGE + 1)
    except zstandard.ZstdError as error:
        raise PortalUnreachableError(f"the portal sent a frame that is not zstd: {error}") from error
    if len(plain) > MAX_MESSAGE:
        raise PortalUnreachableError("the portal sent a message larger than any map")
    return plain.decode()
