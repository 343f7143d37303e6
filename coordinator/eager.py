"""Runs a coroutine at once, as far as it goes without waiting; most sends go all the way.

A task for each of 5,000 frames that need not wait costs more than the frames. (Python 3.12 has eager tasks for this.)
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any


class Begun:
    """A coroutine that was begun and waits for something. To be awaited once, by a task."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            # The future was marked as waited for when the coroutine yielded it; the task takes it as its own.
            yield self._waits_for
        except BaseException:
            self._coroutine.close()
            raise
        yield from self._coroutine.__await__()


def begin(coroutine: Coroutine[Any, Any, None]) -> Begun | None:
    """Begins a coroutine on the running loop; None if it is done already. Raises what it raises.

    Nothing in it may ask which task it runs in.
    """
    try:
        return Begun(coroutine, coroutine.send(None))
    except StopIteration:
        return None
