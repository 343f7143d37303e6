"""Messages of the agent socket that carry maps and deltas, in both subprotocols.

A body is built once for all who get it; only the head, with the version that the reader is at, is each socket's own.
With zstd the two are frames of their own, one after the other: a reader decodes across them.
"""

from __future__ import annotations

from typing import Final

from mesh.netmap.chunks import pack
from mesh.netmap.maps import MapPieces, map_json, map_zstd

Frame = str | bytes

NETMAP_HEAD = b'{"type":"netmap","netmap":'


class Body:
    """The rest of a delta message after its head, for everyone in one audience."""

    __slots__ = ("_packed", "_text", "frames", "plain")

    def __init__(self, members: bytes | None) -> None:
        self.plain = b"}" if members is None else b"," + members + b"}"
        self._text: str | None = None
        self._packed: bytes | None = None
        self.frames: dict[bool, tuple[tuple[int, int, int], Frame]] = {}
        """The last whole frame of each subprotocol with epoch and versions: most readers are at the same one."""

    @property
    def text(self) -> str:
        """As text, made when it is first asked for."""
        if self._text is None:
            self._text = self.plain.decode()
        return self._text

    @property
    def packed(self) -> bytes:
        """As a zstd frame, made when it is first asked for."""
        if self._packed is None:
            self._packed = pack(self.plain)
        return self._packed


NOTHING: Final = Body(None)
"""Of a delta that only moves the version on."""


def delta_frame(body: Body, *, epoch: int, start: int, to: int, zstd: bool) -> Frame:
    """A delta message for a reader that is at version ``start``."""
    between = (epoch, start, to)
    ready = body.frames.get(zstd)
    if ready is not None and ready[0] == between:
        return ready[1]
    frame = _delta_frame(body, epoch, start, to, zstd=zstd)
    body.frames[zstd] = (between, frame)
    return frame


def _delta_frame(body: Body, epoch: int, start: int, to: int, *, zstd: bool) -> Frame:
    head = f'{{"type":"delta","epoch":{epoch},"from":{start},"to":{to}'
    if zstd:
        return pack(head.encode()) + body.packed
    return head + body.text


def netmap_frame(pieces: MapPieces, *, zstd: bool) -> Frame:
    """A message with a whole map."""
    if zstd:
        return map_zstd(pieces, before=NETMAP_HEAD, after=b"}")
    return (NETMAP_HEAD + map_json(pieces) + b"}").decode()


def text_frame(text: str, *, zstd: bool) -> Frame:
    """Any other message."""
    return pack(text.encode()) if zstd else text


def bare_delta(members: bytes | None, *, epoch: int, start: int, to: int) -> bytes:
    """A delta as REST answers it."""
    return b'{"epoch":%d,"from":%d,"to":%d' % (epoch, start, to) + Body(members).plain
