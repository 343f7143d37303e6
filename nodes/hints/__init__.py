"""Tells every worker process, each once, that a network moved on.

Where Redis is configured hints travel through the channel layer, else they stay in this one process. They carry no
data and promise nothing: one may be lost, come twice, late or out of order. Readers look at versions by the clock too.
"""

from __future__ import annotations

from functools import cache

from django.conf import settings

from nodes.hints import local
from nodes.hints.line import Line
from nodes.hints.local import Listener, TopicListener

__all__ = [
    "Line",
    "Listener",
    "TopicListener",
    "process_line",
    "publish",
    "subscribe",
    "subscribe_topics",
    "tell_portal",
    "unsubscribe",
    "unsubscribe_topics",
]


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


def tell_portal(topic: str, network_id: int | None = None) -> None:
    """Has the open pages of every worker look again: for what is no Change, and that people wait for all the same.

    ``topic`` is a type of event that pages listen to: ``enrolments``, ``jobs``, ``metrics``. ``network_id``: whose it
    is; None concerns all. It carries no data, and nothing may hang on it: pages that miss it look by the clock. Returns
    at once, also while Redis is away. Within a transaction: ``transaction.on_commit(partial(tell_portal, "jobs", 1),
    robust=True)``.
    """
    local.tell_topic(topic, network_id or 0)
    connected = process_line()
    if connected is not None:
        connected.send_topic(topic, network_id or 0)


def subscribe_topics(listener: TopicListener) -> None:
    """Calls ``listener(topic, network_id)`` for what ``tell_portal`` is told in any process; 0 is every network.

    As with ``subscribe`` it must return at once and must not raise.
    """
    local.add_topics(listener)
    connected = process_line()
    if connected is not None:
        connected.listen()


def unsubscribe_topics(listener: TopicListener) -> None:
    """Ends a subscription to topics; one that does not exist is passed over."""
    local.discard_topics(listener)


@cache
def process_line() -> Line | None:
    """This process's line to the others; None in the one-process default."""
    return None if settings.GHOSTWIRE.redis.url is None else Line(local.tell, local.tell_topic)
