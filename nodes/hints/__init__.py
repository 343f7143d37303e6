"""Tells every worker process, each once, that a network moved on.

Where Redis is configured hints travel through the channel layer, else they stay in this one process. They carry no
data and promise nothing: one may be lost, come twice, late or out of order. Readers look at versions by the clock too.
"""

from __future__ import annotations

from functools import cache

from django.conf import settings

from nodes.hints import local
from nodes.hints.line import Line
from nodes.hints.local import Listener

__all__ = ["Line", "Listener", "process_line", "publish", "subscribe", "unsubscribe"]


def subscribe(listener: Listener) -> None:
    """Calls ``listener(network_id, version)`` after commits of this process, and of others where Redis connects them.

    Hints of this process arrive in the thread that committed, those of others in the line's own thread. The listener
    must return at once and must not raise.
    """
    local.add(listener)
    connected = process_line()
    if connected is not None:
        connected.listen()


def unsubscribe(listener: Listener) -> None:
    """Ends a subscription; one that does not exist is passed over."""
    local.discard(listener)


def publish(network_id: int, version: int) -> None:
    """Says that ``network_id`` is at ``version``. Returns at once, also while Redis is away."""
    local.tell(network_id, version)
    connected = process_line()
    if connected is not None:
        connected.send(network_id, version)


@cache
def process_line() -> Line | None:
    """This process's line to the others; None in the one-process default."""
    return None if settings.GHOSTWIRE.redis.url is None else Line(local.tell)
