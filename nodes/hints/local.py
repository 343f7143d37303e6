"""Who in this process wants to know that a network moved on, or that pages have something new to show."""

from __future__ import annotations

import threading
from collections.abc import Callable

Listener = Callable[[int, int], None]
TopicListener = Callable[[str, int], None]

_listeners: set[Listener] = set()
_topic_listeners: set[TopicListener] = set()
_lock = threading.Lock()


def add(listener: Listener) -> None:
    """Adds a listener; one that is there already stays once."""
    with _lock:
        _listeners.add(listener)


def discard(listener: Listener) -> None:
    """Takes a listener out; one that is not there is passed over."""
    with _lock:
        _listeners.discard(listener)


def tell(network_id: int, version: int) -> None:
    """Calls every listener, in the caller's thread."""
    with _lock:
        listeners = tuple(_listeners)
    for listener in listeners:
        listener(network_id, version)


def add_topics(listener: TopicListener) -> None:
    """Adds a listener for topics; one that is there already stays once."""
    with _lock:
        _topic_listeners.add(listener)


def discard_topics(listener: TopicListener) -> None:
    """Takes a listener for topics out; one that is not there is passed over."""
    with _lock:
        _topic_listeners.discard(listener)


def tell_topic(topic: str, network_id: int) -> None:
    """Calls every listener for topics, in the caller's thread."""
    with _lock:
        listeners = tuple(_topic_listeners)
    for listener in listeners:
        listener(topic, network_id)
