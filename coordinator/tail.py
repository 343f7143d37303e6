"""The thread that keeps this process up to date: it follows the networks' versions and hands changes to the fan-out.

It wakes at once on a hint of this process and reads versions once a second all the same: hints may be lost, and
other workers write too. It starts with the first connection or sign of life. It follows the networks whose agents are
connected here, and those that were asked about lately.
"""

from __future__ import annotations

import threading
import time
from typing import Final

import structlog
from django.db import close_old_connections, connection
from django.utils import timezone

from coordinator.arrivals import ARRIVALS
from coordinator.fanout import FANOUT
from coordinator.policy.boundaries import due_networks, write_boundary
from coordinator.replica import REPLICAS, difference
from mesh.netmap.state import State
from nodes import hints
from nodes.models import Network

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 1.0
STOP_SECONDS: Final = 10.0
# How long a network is followed after it was last asked about.
WATCH_SECONDS: Final = 60.0
# What memory says counts while the poll that it stems from began less than this ago.
FRESH_SECONDS: Final = 2.0


class Tail:
    """One a process."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._delivered: dict[int, State] = {}
        self._watched: dict[int, float] = {}
        # When the last poll began after which a network's replica was current; and one after which all were.
        self._current: dict[int, float] = {}
        self._all_current: float | None = None

    def start(self) -> None:
        """Starts the thread; once it runs this does nothing."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._stopping.clear()
                hints.subscribe(self._hint)
                self._thread = threading.Thread(target=self._run, name="ghostwire-tail", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Hands on what was noted and ends the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is None:
                return
            hints.unsubscribe(self._hint)
            self._stopping.set()
            self._wake.set()
        thread.join(STOP_SECONDS)

    def wake(self) -> None:
        """Makes the thread look at once."""
        self._wake.set()

    def watch(self, network_id: int) -> None:
        """Keeps this process's replica of a network current for the next 60 s, whether or not an agent is connected.

        From any thread; cheap enough for every heartbeat.
        """
        with self._lock:
            known = network_id in self._watched
            self._watched[network_id] = time.monotonic()
            if not known:
                self._all_current = None
        if not known:
            self._wake.set()
        self.start()

    def is_fresh(self, network_id: int | None = None) -> bool:
        """Whether the replica of a network, or of all that are followed, is as the database was under 2 s ago.

        False while the database is away, or does not answer in time: then who asks must ask it too. A network that is
        not watched, or only since a moment, is not fresh. From any thread; cheap enough for every heartbeat.
        """
        began = self._all_current if network_id is None else self._current.get(network_id)
        return began is not None and time.monotonic() - began < FRESH_SECONDS

    def turn(self) -> None:
        """One round: signs of life out, new versions in. Called by the thread; errors are the caller's."""
        ARRIVALS.flush(timezone.now())
        for network_id in due_networks(timezone.now()):
            write_boundary(network_id, timezone.now())
        self._follow_all()

    def _follow_all(self) -> None:
        began = time.monotonic()
        network_ids = self._followed(began)
        self._delivered = {pk: state for pk, state in self._delivered.items() if pk in network_ids}
        self._current = {pk: at for pk, at in self._current.items() if pk in network_ids}
        versions = Network.objects.filter(pk__in=network_ids).values_list("pk", "map_version") if network_ids else ()
        errors: list[Exception] = []
        for network_id, version in versions:
            try:
                self._follow(network_id, version)
            except Exception as error:  # noqa: BLE001 - raised below: no network waits for another
                errors.append(error)
            else:
                self._current[network_id] = began
        if errors:
            raise errors[0]
        with self._lock:
            # One that came meanwhile was not among those that were read.
            if self._watched.keys() <= network_ids:
                self._all_current = began

    def _followed(self, now: float) -> set[int]:
        """The networks of those who are connected and those that are watched. Forgets the latter in time."""
        with self._lock:
            self._watched = {pk: at for pk, at in self._watched.items() if now - at <= WATCH_SECONDS}
            return {*FANOUT.networks(), *self._watched}

    def _follow(self, network_id: int, version: int) -> None:
        replica = REPLICAS.of(network_id)
        after = replica.catch_up(version)
        before = self._delivered.get(network_id)
        self._delivered[network_id] = after
        if before is after:
            return
        if before is None:
            # Nothing is known of what those who are connected were told: each finds out for itself.
            FANOUT.announce(after)
            return
        known = replica.since(before.version)
        touch = known[1] if known is not None and known[0] is before else difference(before, after)
        FANOUT.deliver(before, after, touch)

    def _hint(self, network_id: int, version: int) -> None:
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
            self._guarded_turn()
        connection.close()

    def _guarded_turn(self) -> None:
        close_old_connections()
        try:
            self.turn()
        except Exception:  # the thread outlives any fault: the next round tries again
            log.exception("tail.turn_failed")
        finally:
            close_old_connections()


TAIL: Final = Tail()
