"""Sets of node ids. Roaring bitmaps of 32 bits are several times as fast as those of 64, so the wide ones serve only
networks that hold an id beyond 32 bits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from pyroaring import BitMap, BitMap64

IdSet: TypeAlias = Any
"""A ``BitMap`` or a ``BitMap64`` of node ids: iterates ascending, and knows set algebra."""

NARROW_LIMIT = 1 << 32


def id_set_type(highest: int) -> type[IdSet]:
    """The bitmap that holds ids up to ``highest``."""
    return BitMap if highest < NARROW_LIMIT else BitMap64


def ranges_of(ids: Iterable[int]) -> list[list[int]]:
    """Ascending ids as ranges ``[first, last]``, neighbours merged."""
    ranges: list[list[int]] = []
    for ident in ids:
        if ranges and ranges[-1][1] + 1 == ident:
            ranges[-1][1] = ident
        else:
            ranges.append([ident, ident])
    return ranges
