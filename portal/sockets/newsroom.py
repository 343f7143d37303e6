"""What this process's open pages are told: one thread reads for all of them.

It looks when a hint or a topic comes, at most twice a second, and once a second at all. A look costs one query for the
versions of the networks and one for each network that moved, however many pages are open; with none open it costs
nothing. Every two seconds it asks whether the people behind the sockets still are who they were, in two more.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from coordinator.pulse import Pulse
from coordinator.tail import TAIL
from nodes import hints
from nodes.models import Network
from portal.sockets.events import Event, merge, read_events
from portal.sockets.visitors import Visitor, still_here

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 0.5
CHECK_SECONDS: Final = 2.0
STALE_SECONDS: Final = 4.0
"""What is shown counts as live while this process knew less long ago that it is up to date."""
LOADING_SECONDS: Final = 20.0
"""How long the replica of a network may take that nobody asked about before."""
MOST_SOCKETS: Final = 1000
MOST_OF_SESSION: Final = 24
CLOSE_SESSION_ENDED: Final = 4401
# Upon these somebody may be somebody else than a moment ago.
_PEOPLE: Final = frozenset({"users", "credentials"})


@dataclass(frozen=True, slots=True)
class State:
    """Whether a network's news come as they happen, and the version that they led to; None: nothing read yet."""

    fresh: bool
    version: int | None


class Reader(Protocol):
    """An open page, as the newsroom sees it. Its methods run on the loop that ``loop`` names."""

    visitor: Visitor
    network_id: int
    loop: asyncio.AbstractEventLoop

    def take(self, events: dict[str, Event], state: State) -> None:
        """Takes what happened since the last time, by type, and how the network is followed."""

    def end(self, code: int) -> None:
        """Closes the socket."""


class Newsroom:
    """One a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pulse = Pulse("ghostwire-portal", lambda due: self._look(), LOOK_SECONDS)
        self._started = False
        self._readers: set[Reader] = set()
        self._topics: set[tuple[str, int]] = set()
        self._versions: dict[int, int] = {}
        self._looked = self._checked = -STALE_SECONDS
        # When the networks were read last, and when each one's replica was current last.
        self._read: float | None = None
        self._current: dict[int, float] = {}

    def join(self, reader: Reader) -> bool:
        """From now on the reader is told; False if its session or this process has too many already."""
        with self._lock:
            of_session = sum(item.visitor.session_key == reader.visitor.session_key for item in self._readers)
            if len(self._readers) >= MOST_SOCKETS or of_session >= MOST_OF_SESSION:
                return False
            self._readers.add(reader)
        self._start()
        self._pulse.wake()
        return True

    def leave(self, reader: Reader) -> None:
        """Forgets a reader; one that is not there is passed over."""
        with self._lock:
            self._readers.discard(reader)

    def stop(self) -> None:
        """Ends the thread."""
        with self._lock:
            started, self._started = self._started, False
        if started:
            hints.unsubscribe(self._hint)
            hints.unsubscribe_topics(self._topic)
            self._pulse.stop(once_more=False)

    def turn(self) -> None:
        """One look: reads what happened, and tells everybody who is here. While the database is away it tells that."""
        with self._lock:
            readers = tuple(self._readers)
            topics, self._topics = self._topics, set()
        if not readers:
            # What happens until somebody comes, the page that comes has read.
            self._versions, self._read, self._current = {}, None, {}
            return
        now = time.monotonic()
        events = [Event(topic, network_id) for topic, network_id in topics]
        try:
            events += self._read_networks()
            self._read = now
            if now - self._checked >= CHECK_SECONDS or any(event.type in _PEOPLE for event in events):
                readers = self._check(readers)
                self._checked = now
        except (DatabaseError, InterfaceError) as error:
            log.warning("portal.news_unread", error=str(error))
        states = {network_id: self._state(network_id, now) for network_id in {item.network_id for item in readers}}
        of_network = {network_id: merge(_of(events, network_id)) for network_id in states}
        for reader in readers:
            _call(reader, reader.take, of_network[reader.network_id], states[reader.network_id])

    def _start(self) -> None:
        with self._lock:
            if self._started:
                return
            self._started = True
        hints.subscribe(self._hint)
        hints.subscribe_topics(self._topic)
        self._pulse.start()

    def _look(self) -> None:
        wait = self._looked + PAUSE_SECONDS - time.monotonic()
        if wait > 0:
            # A burst of changes becomes one event: those who hear it ask for a page.
            time.sleep(wait)
        self._looked = time.monotonic()
        self.turn()

    def _read_networks(self) -> list[Event]:
        found: list[Event] = []
        versions = dict(Network.objects.values_list("pk", "map_version"))
        for network_id, version in versions.items():
            known = self._versions.get(network_id)
            if known is not None and known < version:
                found += read_events(network_id, known, version)
            elif known is not None and known > version:
                # The database was put back: nothing that pages show can be trusted.
                found += read_events(network_id, 0, version)
        found += [Event("network", network_id) for network_id in self._versions.keys() - versions.keys()]
        self._versions = versions
        return found

    def _check(self, readers: tuple[Reader, ...]) -> tuple[Reader, ...]:
        here = still_here((reader.visitor for reader in readers), timezone.now())
        for reader in readers:
            if reader.visitor not in here:
                self.leave(reader)
                _call(reader, reader.end, CLOSE_SESSION_ENDED)
        return tuple(reader for reader in readers if reader.visitor in here)

    def _state(self, network_id: int, now: float) -> State:
        TAIL.watch(network_id)
        if TAIL.is_fresh(network_id):
            self._current[network_id] = now
        current = self._current.setdefault(network_id, now + LOADING_SECONDS - STALE_SECONDS)
        read = self._read is not None and now - self._read < STALE_SECONDS
        line = hints.process_line()
        heard = line is None or not line.is_away
        return State(read and heard and now - current < STALE_SECONDS, self._versions.get(network_id))

    def _hint(self, network_id: int, version: int) -> None:
        if self._readers and self._versions.get(network_id) != version:
            self._pulse.wake()

    def _topic(self, topic: str, network_id: int) -> None:
        if not self._readers:
            return
        with self._lock:
            self._topics.add((topic, network_id))
        self._pulse.wake()


NEWSROOM: Final = Newsroom()


def _of(events: list[Event], network_id: int) -> list[Event]:
    return [event for event in events if event.network_id in (0, network_id)]


def _call(reader: Reader, action: Callable[..., None], *arguments: Any) -> None:
    if not reader.loop.is_closed():  # a loop that ended took its sockets with it
        reader.loop.call_soon_threadsafe(action, *arguments)
