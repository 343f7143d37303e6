"""Tells this process that a network moved on. A hint may be lost: readers also look at versions by the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable

Listener = Callable[[int, int], None]

_listeners: set[Listener] = set()
_lock = threading.Lock()


def subscribe(listener: Listener) -> None:
    """Calls ``listener(network_id, version)`` after every commit in this process, in the thread that committed.

    It must return at once and must not raise.
    """
    with _lock:
        _listeners.add(listener)


def unsubscribe(listener: Listener) -> None:
    """Ends a subscription; one that does not exist is passed over."""
    with _lock:
        _listeners.discard(listener)


def publish(network_id: int, version: int) -> None:
    """Says that ``network_id`` is at ``version``. Carries no data on purpose: readers ask the database."""
    with _lock:
        listeners = tuple(_listeners)
    for listener in listeners:
        listener(network_id, version)
