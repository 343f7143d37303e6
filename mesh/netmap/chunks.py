"""Peers in chunks of 128 neighbouring ids, joined and compressed once for all who see the same ones of a chunk."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

import zstandard

from mesh.compile.table import Table
from mesh.netmap.parts import PeerPart

CHUNK_BITS: Final = 7
CHUNK: Final = 1 << CHUNK_BITS
COMPRESSION_LEVEL: Final = 3
_local = threading.local()


class Blob:
    """Peers that are joined: JSON objects between commas, and the users that they belong to."""

    __slots__ = ("_packed", "plain", "users")

    def __init__(self, plain: bytes, users: frozenset[int]) -> None:
        self.plain = plain
        self.users = users
        self._packed: bytes | None = None

    @property
    def packed(self) -> bytes:
        """A comma and the peers, as a zstd frame. Compressed when it is first asked for."""
        packed = self._packed
        if packed is None:
            packed = self._packed = pack(b"," + self.plain)
        return packed


class Chunk:
    """The parts of up to 128 peers. Never changes; ``serial`` names this state of it in the cache of blobs."""

    __slots__ = ("parts", "routers", "serial")

    def __init__(self, parts: Mapping[int, PeerPart], serial: int) -> None:
        self.parts = parts
        self.serial = serial
        self.routers = 0
        for node_id, part in parts.items():
            if part.routes:
                self.routers |= 1 << (node_id & (CHUNK - 1))

    def updated(self, changes: Iterable[tuple[int, PeerPart | None]], serial: int) -> Chunk:
        """The chunk with some parts replaced, or taken out where they are None."""
        parts = dict(self.parts)
        for node_id, part in changes:
            if part is None:
                parts.pop(node_id, None)
            else:
                parts[node_id] = part
        return Chunk(parts, serial)


Chunks = Table[int, Chunk]


def chunks_of(parts: Mapping[int, PeerPart], serial: int) -> Chunks:
    """Puts parts into chunks."""
    found: dict[int, dict[int, PeerPart]] = {}
    for node_id, part in parts.items():
        found.setdefault(node_id >> CHUNK_BITS, {})[node_id] = part
    return Table({number: Chunk(members, serial) for number, members in found.items()})


def update_chunks(chunks: Chunks, changes: Mapping[int, PeerPart | None], serial: int) -> Chunks:
    """The chunks with some parts replaced or taken out."""
    dirty: dict[int, list[tuple[int, PeerPart | None]]] = {}
    for node_id, part in changes.items():
        dirty.setdefault(node_id >> CHUNK_BITS, []).append((node_id, part))
    empty = Chunk({}, serial)
    return chunks.updated(
        {number: (chunks.get(number) or empty).updated(inside, serial) for number, inside in dirty.items()}
    )


def part_of(chunks: Chunks, node_id: int) -> PeerPart | None:
    """The part of one node."""
    chunk = chunks.get(node_id >> CHUNK_BITS)
    return None if chunk is None else chunk.parts.get(node_id)


def masks_of(node_ids: Iterable[int]) -> dict[int, int]:
    """Ids as one mask a chunk."""
    masks: dict[int, int] = {}
    for node_id in node_ids:
        number = node_id >> CHUNK_BITS
        masks[number] = masks.get(number, 0) | 1 << (node_id & (CHUNK - 1))
    return masks


def ids_in(number: int, mask: int) -> list[int]:
    """The ids that a mask of chunk ``number`` stands for, ascending."""
    base = number << CHUNK_BITS
    return [base + bit for bit, digit in enumerate(bin(mask)[:1:-1]) if digit == "1"]


def make_blob(chunk: Chunk, number: int, mask: int) -> Blob | None:
    """Joins the peers of a mask; None if none of them is there."""
    parts = [part for node_id in ids_in(number, mask) if (part := chunk.parts.get(node_id)) is not None]
    if not parts:
        return None
    plain = b",".join([part.whole for part in parts])
    return Blob(plain, frozenset(part.user for part in parts if part.user is not None))


def pack(plain: bytes) -> bytes:
    """One zstd frame. Compressors are not shared between threads."""
    compressor: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL)
    return compressor.compress(plain)


class BlobCache:
    """Blobs by chunk state and mask, the least recently used out first once they hold more than ``limit`` bytes."""

    def __init__(self, limit: int = 64 * 1024 * 1024) -> None:
        self._limit = limit
        self._size = 0
        self._blobs: OrderedDict[tuple[int, int, int], Blob] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, chunk: Chunk, number: int, mask: int) -> Blob | None:
        """The blob, made if it is not at hand; None if none of the peers is there."""
        key = (number, chunk.serial, mask)
        with self._lock:
            blob = self._blobs.get(key)
            if blob is not None:
                self._blobs.move_to_end(key)
                return blob
        blob = make_blob(chunk, number, mask)
        if blob is not None:
            with self._lock:
                if key not in self._blobs:
                    self._blobs[key] = blob
                    self._size += _weight(blob)
                while self._size > self._limit and len(self._blobs) > 1:
                    _, old = self._blobs.popitem(last=False)
                    self._size -= _weight(old)
        return blob

    @property
    def size(self) -> int:
        """The bytes held."""
        return self._size


def _weight(blob: Blob) -> int:
    # With room for the frame, which may come later and is smaller than half of what it packs.
    return len(blob.plain) * 3 // 2 + 300
