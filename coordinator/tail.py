"""The thread that keeps this process up to date: it follows the networks' versions and hands changes to the fan-out.

It wakes at once on a hint of this process and reads versions once a second all the same: hints may be lost, and
other workers write too. It starts with the first connection or sign of life.
"""

from __future__ import annotations

import threading
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


class Tail:
    """One a process."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._delivered: dict[int, State] = {}

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

    def turn(self) -> None:
        """One round: signs of life out, new versions in. Called by the thread; errors are the caller's."""
        ARRIVALS.flush(timezone.now())
        for network_id in due_networks(timezone.now()):
            write_boundary(network_id, timezone.now())
        network_ids = FANOUT.networks()
        self._delivered = {pk: state for pk, state in self._delivered.items() if pk in network_ids}
        if not network_ids:
            return
        versions = Network.objects.filter(pk__in=network_ids).values_list("pk", "map_version")
        for network_id, version in versions:
            self._follow(network_id, version)

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
