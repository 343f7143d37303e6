"""The encoded parts of peers, in chunks of 128 neighbouring ids, so that a change copies few of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Final

import zstandard

from mesh.compile.table import Table
from mesh.netmap.parts import PeerPart

CHUNK_BITS: Final = 7
COMPRESSION_LEVEL: Final = 1
"""The fastest: keys and addresses are most of what is left of a map, and no level makes less of those."""
_local = threading.local()


class Chunk:
    """The parts of up to 128 peers. Never changes: a chunk that is the same object holds the same."""

    __slots__ = ("parts",)

    def __init__(self, parts: Mapping[int, PeerPart]) -> None:
        self.parts = parts

    def updated(self, changes: Iterable[tuple[int, PeerPart | None]]) -> Chunk:
        """The chunk with some parts replaced, or taken out where they are None."""
        parts = dict(self.parts)
        for node_id, part in changes:
            if part is None:
                parts.pop(node_id, None)
            else:
                parts[node_id] = part
        return Chunk(parts)


Chunks = Table[int, Chunk]
_EMPTY: Final = Chunk({})


def chunks_of(parts: Mapping[int, PeerPart]) -> Chunks:
    """Puts parts into chunks."""
    found: dict[int, dict[int, PeerPart]] = {}
    for node_id, part in parts.items():
        found.setdefault(node_id >> CHUNK_BITS, {})[node_id] = part
    return Table({number: Chunk(members) for number, members in found.items()})


def update_chunks(chunks: Chunks, changes: Mapping[int, PeerPart | None]) -> Chunks:
    """The chunks with some parts replaced or taken out."""
    dirty: dict[int, list[tuple[int, PeerPart | None]]] = {}
    for node_id, part in changes.items():
        dirty.setdefault(node_id >> CHUNK_BITS, []).append((node_id, part))
    return chunks.updated({number: (chunks.get(number) or _EMPTY).updated(inside) for number, inside in dirty.items()})


def part_of(chunks: Chunks, node_id: int) -> PeerPart | None:
    """The part of one node."""
    chunk = chunks.get(node_id >> CHUNK_BITS)
    return None if chunk is None else chunk.parts.get(node_id)


def parts_of(chunks: Chunks, node_ids: Iterable[int]) -> list[tuple[int, PeerPart]]:
    """The parts of those nodes that have one, in the order of ``node_ids``."""
    found: list[tuple[int, PeerPart]] = []
    number, parts = -1, _EMPTY.parts
    for node_id in node_ids:
        if node_id >> CHUNK_BITS != number:
            number = node_id >> CHUNK_BITS
            parts = (chunks.get(number) or _EMPTY).parts
        part = parts.get(node_id)
        if part is not None:
            found.append((node_id, part))
    return found


def pack(plain: bytes) -> bytes:
    """One zstd frame. Compressors are not shared between threads."""
    compressor: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL)
    return compressor.compress(plain)
