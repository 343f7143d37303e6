"""Python's garbage collector and large states: what is loaded once and lives on need not be looked at again."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# A frozen object that later takes part in a cycle is never freed, so only what is worth it is frozen, and not often.
LEAST_OBJECTS: Final = 20_000
LEAST_SECONDS: Final = 60.0

_lock = threading.Lock()
_running = 0
_frozen_at: float | None = None


@contextmanager
def loading() -> Iterator[None]:
    """Within it many objects are made that stay.

    The collector rests meanwhile: it would walk all of them again and again, and hold up every other thread while it
    does. What is there at the end is set aside, so that it never walks them at all.
    """
    global _running, _frozen_at  # noqa: PLW0603 - the collector is one a process, and so is this
    with _lock:
        _running += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            now = time.monotonic()
            many = gc.get_count()[0] >= LEAST_OBJECTS
            if many and (_frozen_at is None or now - _frozen_at >= LEAST_SECONDS):
                gc.freeze()
                _frozen_at = now
            if not _running:
                gc.enable()
