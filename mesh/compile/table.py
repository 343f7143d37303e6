"""A large map that moves: a base shared by many versions, and the few entries in which a version differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
_OVERLAY_LIMIT = 512


class Table(Generic[K, V]):
    """An immutable map. ``updated`` makes another that shares all but the difference, in microseconds."""

    __slots__ = ("_base", "_overlay", "_size")

    def __init__(self, base: dict[K, V], overlay: dict[K, V | None] | None = None, size: int | None = None) -> None:
        self._base = base
        self._overlay = overlay or {}
        self._size = len(base) if size is None else size

    def __len__(self) -> int:
        return self._size

    def get(self, key: K) -> V | None:
        """The value of ``key``, or None."""
        if key in self._overlay:
            return self._overlay[key]
        return self._base.get(key)

    def items(self) -> Iterator[tuple[K, V]]:
        """All entries; those of the base first, in no order that means anything."""
        if not self._overlay:
            yield from self._base.items()
            return
        for key, value in self._base.items():
            if key not in self._overlay:
                yield key, value
        for key, moved in self._overlay.items():
            if moved is not None:
                yield key, moved

    def values(self) -> Iterator[V]:
        """All values."""
        return (value for _, value in self.items())

    def updated(self, changes: Mapping[K, V | None]) -> Table[K, V]:
        """The map with ``changes`` applied; a value of None takes the key out."""
        if not changes:
            return self
        overlay = dict(self._overlay)
        size = self._size
        for key, value in changes.items():
            had = (overlay[key] if key in overlay else self._base.get(key)) is not None
            size += (value is not None) - had
            overlay[key] = value
        if len(overlay) <= _OVERLAY_LIMIT:
            return Table(self._base, overlay, size)
        base = {**self._base, **overlay}
        for key in [key for key, value in overlay.items() if value is None]:
            del base[key]
        return Table(base, None, size)  # type: ignore[arg-type]
