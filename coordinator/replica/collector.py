"""Large states and this process's memory: what lives on need not be looked at again, what is done with goes back."""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

# Everything that lives at that moment is set aside, connections too, and what of it ends as a cycle is never freed. So
# this is done for what is worth it, and a few times in the life of a process: when it starts, as a rule.
LEAST_OBJECTS: Final = 20_000
MOST_TIMES: Final = 8

_lock = threading.Lock()
_resting = 0
_times = 0


@contextmanager
def resting() -> Iterator[None]:
    """The collector rests meanwhile. For work that makes many objects and drops most itself: the collector would
    walk all of them again and again, and hold up every other thread while it does."""
    global _resting  # noqa: PLW0603 - the collector is one a process, and so is this
    with _lock:
        _resting += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _resting -= 1
            if not _resting:
                gc.enable()


@contextmanager
def loading() -> Iterator[None]:
    """The same for a large state that stays: what is there at the end is set aside, so that the collector never walks
    it at all."""
    global _times  # noqa: PLW0603 - as above
    with resting():
        yield
        large = gc.get_count()[0] >= LEAST_OBJECTS
        with _lock:
            if large and _times < MOST_TIMES:
                gc.freeze()
                _times += 1
    if large:
        return_memory()


def return_memory() -> None:
    """Gives what a large piece of work left over back to the system: the C library would keep it, up to twice what is
    in use. Does nothing where the library has no such call. Other threads run meanwhile."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


@cache
def _library() -> Any:
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None
