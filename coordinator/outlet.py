"""The way out to one agent's socket: what was handed over, and whether its reader takes it.

Who waits for whom, by server:

- uvicorn's ``send`` waits, before it writes, until asyncio's transport has drained to its low-water mark; then it takes
  one frame of any size. So at most 64 KiB and one frame are buffered.
- The portal's own server (daphne with ``ghostwire_site.runner.protocols``) waits, after it wrote, until Twisted's
  transport asks for more: the same bound.
- Daphne alone never waits: ``send`` returns at once and the transport keeps everything. There the agent's
  acknowledgements are the bound, as they are behind any proxy that reads on without end: what was pushed and not
  acknowledged is counted, and from ``UNREAD_LIMIT`` on nothing more is pushed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from coordinator.frames import Frame
from coordinator.metrics import count_frame
from coordinator.pacing import LARGE_BYTES, turnstile

UNREAD_LIMIT: Final = 1024 * 1024 - LARGE_BYTES
"""Bytes pushed and not acknowledged from which on a socket is left alone. One whole map under way does not count."""
FRAME_COST: Final = 128
"""What a frame costs beside its bytes, in the books here and in the server's buffers."""

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Outlet:
    """Lives on one event loop. One caller writes at a time."""

    __slots__ = ("_map", "_send", "_unread", "_unread_bytes", "full_since", "writing_since")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._unread: deque[tuple[tuple[int, int], int, datetime | None]] = deque()
        self._unread_bytes = 0
        self._map: tuple[tuple[int, int], datetime | None] | None = None
        self.writing_since: float | None = None
        """Since when a frame waits for its reader, by the loop's clock; None while nothing waits."""
        self.full_since: float | None = None
        """Since when too much is unread, by the loop's clock; None while there is room."""

    @property
    def unread_bytes(self) -> int:
        """What was pushed and not acknowledged, without the one whole map under way."""
        return self._unread_bytes

    async def write(self, frame: Frame, *, counted_as: str = "answer") -> None:
        """Hands over a frame. Returns when the server has taken it, which a reader that does not drain can delay."""
        loop = asyncio.get_running_loop()
        if len(frame) >= LARGE_BYTES:
            await turnstile().pass_through()
        kind = "text" if isinstance(frame, str) else "bytes"
        self.writing_since = loop.time()
        try:
            await self._send({"type": "websocket.send", kind: frame})
        finally:
            self.writing_since = None
        count_frame(counted_as, len(frame))

    async def push(
        self, frame: Frame, at: tuple[int, int], *, whole: bool = False, changed_at: datetime | None = None
    ) -> None:
        """Hands over a frame that brings the reader to ``at`` (epoch, version); ``whole``: with a whole map.

        ``changed_at``: when the first of the changes in it was made, for ``acknowledge`` to tell.
        """
        if whole and self._map is None:
            self._map = (at, changed_at)
        else:
            self._unread.append((at, len(frame) + FRAME_COST, changed_at))
            self._unread_bytes += len(frame) + FRAME_COST
        if self._unread_bytes >= UNREAD_LIMIT and self.full_since is None:
            self.full_since = asyncio.get_running_loop().time()
        await self.write(frame, counted_as="netmap" if whole else "delta")

    async def close(self, code: int) -> None:
        """Closes the socket."""
        self.writing_since = asyncio.get_running_loop().time()
        await self._send({"type": "websocket.close", "code": code})

    def acknowledge(self, at: tuple[int, int]) -> list[datetime]:
        """The reader applied everything up to ``at`` (epoch, version). Returns when what it applied was changed, one
        instant a frame that was pushed with one."""
        instants = []
        while self._unread and self._unread[0][0] <= at:
            _, size, changed_at = self._unread.popleft()
            self._unread_bytes -= size
            if changed_at is not None:
                instants.append(changed_at)
        if self._map is not None and self._map[0] <= at:
            if self._map[1] is not None:
                instants.append(self._map[1])
            self._map = None
        if self._unread_bytes < UNREAD_LIMIT:
            self.full_since = None
        return instants

    def stuck_since(self) -> float | None:
        """Since when the reader has not drained; None while it does."""
        return self.full_since if self.writing_since is None else self.writing_since


def cut(send: Send) -> None:
    """Ends a connection without a word to its reader, who does not read: a close frame would wait behind the rest.

    ASGI has no way to say so, and a server that is told to close first flushes what it buffered, which can take for
    ever. So this asks the transport that stands behind ``send``, where there is one: uvicorn's is a method of the
    protocol, daphne's is bound to it.
    """
    protocol = getattr(send, "__self__", None)
    if not hasattr(protocol, "transport"):
        protocol = next((item for item in getattr(send, "args", ()) if hasattr(item, "transport")), None)
    transport = getattr(protocol, "transport", None)
    for name in ("abort", "abortConnection"):
        abort = getattr(transport, name, None)
        if abort is not None:
            abort()
            return
