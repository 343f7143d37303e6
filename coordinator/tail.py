"""What keeps this process up to date: it follows the networks' versions and hands changes to the fan-out.

One thread looks at once when a hint comes, at the networks that it names, and once a second at all: hints may be
lost, and a poll that began under 2 s ago is what makes memory count. Others do what may have to wait for a network's
lock or for Redis. They start with the first connection or sign of life. Followed are the networks whose agents are
connected here, and those that were asked about lately.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog
from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from prometheus_client import Histogram

from coordinator.arrivals import ARRIVALS
from coordinator.fanout import CLOSE_NOT_ACTIVE, CLOSE_RESTARTING, FANOUT, on_loop
from coordinator.metrics import REGISTRY
from coordinator.policy.boundaries import write_due_boundaries
from coordinator.policy.trials import revert_due_trials
from coordinator.pulse import Pulse
from coordinator.replica import REPLICAS, difference, write_snapshots
from coordinator.tallies import REPORT_SECONDS, TALLIES
from coordinator.traffic import FLUSH_SECONDS, TRAFFIC
from mesh.netmap.state import State
from nodes import hints
from nodes.hints.line import LOST
from nodes.models import Network

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 1.0
CHORES_SECONDS: Final = 0.5
SNAPSHOT_SECONDS: Final = 15.0
# How long a network is followed after it was last asked about.
WATCH_SECONDS: Final = 60.0
# What memory says counts while the poll that it stems from began less than this ago.
FRESH_SECONDS: Final = 2.0
# How long the other networks wait for one whose replica another thread moves.
PATIENCE_SECONDS: Final = 0.05
LOADERS: Final = 2

TURNS: Final = Histogram(
    "ghostwire_tail_turn_seconds",
    "Time of one look at the versions of networks, fan-out included.",
    ("cause",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    registry=REGISTRY,
)
REGISTRY.register(LOST)


class Tail:
    """One a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pulse = Pulse("ghostwire-tail", self._look, POLL_SECONDS)
        self._chores = Pulse("ghostwire-chores", lambda due: self.chores(), CHORES_SECONDS)
        self._presence = Pulse("ghostwire-presence", lambda due: ARRIVALS.store_seen(), CHORES_SECONDS)
        self._traffic = Pulse("ghostwire-traffic", lambda due: TRAFFIC.flush(), FLUSH_SECONDS)
        self._tallies = Pulse("ghostwire-tallies", lambda due: TALLIES.flush(), REPORT_SECONDS)
        self._snapshots = Pulse("ghostwire-snapshots", lambda due: write_snapshots(), SNAPSHOT_SECONDS)
        self._started = False
        self._loaders: ThreadPoolExecutor | None = None
        self._loading: set[int] = set()
        self._hinted: set[int] = set()
        # What the connected agents of a network were told last.
        self._delivered: dict[int, State] = {}
        self._watched: dict[int, float] = {}
        # When the last poll began after which a network's replica was current; and one after which all were.
        self._current: dict[int, float] = {}
        self._all_current: float | None = None

    def start(self) -> None:
        """Starts the threads; once they run this does nothing."""
        if self._started:
            return
        with self._lock:
            if not self._started:
                hints.subscribe(self._hint)
                self._loaders = ThreadPoolExecutor(LOADERS, "ghostwire-load")
                self._pulse.start()
                self._chores.start()
                self._presence.start()
                self._traffic.start()
                self._tallies.start()
                if settings.GHOSTWIRE.redis.url is not None:
                    self._snapshots.start()
                self._started = True

    def stop(self) -> None:
        """Hands on what was noted and ends the threads."""
        with self._lock:
            if not self._started:
                return
            self._started = False
            hints.unsubscribe(self._hint)
            loaders, self._loaders = self._loaders, None
        for pulse in (self._chores, self._presence, self._traffic, self._pulse, self._tallies):
            pulse.stop()
        self._snapshots.stop(once_more=False)
        if loaders is not None:
            loaders.shutdown(wait=False, cancel_futures=True)

    def wake(self) -> None:
        """Makes the thread look at once."""
        self._pulse.wake()

    def watch(self, network_id: int) -> None:
        """Keeps this process's replica of a network current for the next 60 s, whether or not an agent is connected.

        From any thread; cheap enough for every heartbeat.
        """
        with self._lock:
            known = network_id in self._watched
            self._watched[network_id] = time.monotonic()
            if not known:
                self._all_current = None
                self._hinted.add(network_id)
        self.start()
        if not known:
            self._pulse.wake()

    def is_fresh(self, network_id: int | None = None) -> bool:
        """Whether the replica of a network, or of all that are followed, is as the database was under 2 s ago.

        False while the database is away, or does not answer in time: then who asks must ask it too. A network that is
        not watched, or only since a moment, is not fresh. From any thread; cheap enough for every heartbeat.
        """
        began = self._all_current if network_id is None else self._current.get(network_id)
        return began is not None and time.monotonic() - began < FRESH_SECONDS

    def chores(self) -> None:
        """Records who came back, boundaries of schedules that are due, and the end of policies on trial."""
        try:
            ARRIVALS.write_returned(timezone.now())
        finally:
            try:
                write_due_boundaries(timezone.now())
            finally:
                revert_due_trials(timezone.now())

    def turn(self) -> None:
        """One look at all networks that are followed. Raises the first error after having tried them all."""
        began = time.monotonic()
        with self._lock:
            self._hinted.clear()
            self._watched = {pk: at for pk, at in self._watched.items() if began - at <= WATCH_SECONDS}
            followed = {*FANOUT.networks(), *self._watched}
        self._delivered = {pk: state for pk, state in self._delivered.items() if pk in followed}
        self._current = {pk: at for pk, at in self._current.items() if pk in followed}
        found = self._follow_all(followed, began)
        for network_id in followed - found.keys():
            self._bury(network_id)
        with self._lock:
            # One that came meanwhile was not among those that were read.
            if self._watched.keys() <= followed and all(found.values()):
                self._all_current = began

    def _look(self, due: bool) -> None:
        with TURNS.labels("poll" if due else "hint").time():
            if due:
                self.turn()
                return
            with self._lock:
                hinted, self._hinted = self._hinted, set()
                hinted &= {*FANOUT.networks(), *self._watched}
            self._follow_all(hinted, time.monotonic())

    def _follow_all(self, network_ids: Iterable[int], began: float) -> dict[int, bool]:
        """Reads the networks' versions in one query and brings each up to date. Returns which exist, and whether each
        is current."""
        ids = list(network_ids)
        rows = Network.objects.filter(pk__in=ids).values_list("pk", "map_version", "epoch") if ids else ()
        found: dict[int, bool] = {}
        errors: list[Exception] = []
        for network_id, version, epoch in rows:
            try:
                found[network_id] = self._follow(network_id, version, epoch)
            except Exception as error:  # noqa: BLE001 - raised below: no network waits for another
                errors.append(error)
            if found.get(network_id):
                self._current[network_id] = began
        if errors:
            raise errors[0]
        return found

    def _follow(self, network_id: int, version: int, epoch: int) -> bool:
        """Brings one network up to date; False while that takes longer than others should wait."""
        replica = REPLICAS.of(network_id)
        state = replica.state
        if state is None or state.epoch != epoch or version < state.version:
            return self._load(network_id, version)
        if not replica.follow(version, patience=PATIENCE_SECONDS):
            return self._load(network_id, version)
        self._deliver(network_id)
        return True

    def _load(self, network_id: int, version: int) -> bool:
        """Has a network loaded whole, in a thread of its own where this one has others to look after."""
        loaders = self._loaders
        if loaders is None:
            self._load_now(network_id, version)
            self._deliver(network_id)
            return True
        if network_id not in self._loading:
            self._loading.add(network_id)
            loaders.submit(self._load_aside, network_id, version)
        return False

    def _load_aside(self, network_id: int, version: int) -> None:
        close_old_connections()
        try:
            self._load_now(network_id, version)
        except Exception:
            log.exception("replica.load_failed", network_id=network_id)
        finally:
            close_old_connections()
            self._loading.discard(network_id)
        self._hint(network_id, version)

    def _load_now(self, network_id: int, version: int) -> None:
        replica = REPLICAS.of(network_id)
        state = replica.catch_up(version)
        # Read after the state was. If it lies behind, this database is not the one that the state came from, or it has
        # been put back.
        row = Network.objects.filter(pk=network_id).values_list("map_version", "epoch").first()
        if row is not None and (row[0] < state.version or row[1] != state.epoch):
            log.warning("replica.other_history", network_id=network_id, version=state.version, epoch=state.epoch)
            replica.reload()

    def _deliver(self, network_id: int) -> None:
        replica = REPLICAS.of(network_id)
        after, before = replica.state, self._delivered.pop(network_id, None)
        assert after is not None
        if before is None:
            # Nothing is known of what those who are connected were told: each finds out for itself.
            FANOUT.announce(after)
        elif before is not after:
            self._tell(before, after)
        # Only now: what could not be told is announced the next time.
        self._delivered[network_id] = after

    def _tell(self, before: State, after: State) -> None:
        if before.epoch != after.epoch:
            FANOUT.announce(after)
            return
        if after.version <= before.version:
            # Versions never go back, but for a database that was put back without a new epoch.
            log.error("network.went_back", network_id=after.topology.network.id, version=after.version)
            self._close(after.topology.network.id, CLOSE_RESTARTING)
            return
        replica = REPLICAS.of(after.topology.network.id)
        known = replica.since(before.version)
        touch = known[1] if known is not None and known[0] is before else difference(before, after)
        FANOUT.deliver(before, after, touch, replica.changed_at(before.version + 1))

    def _bury(self, network_id: int) -> None:
        """A network is gone, and what stood for it here with it."""
        with self._lock:
            self._watched.pop(network_id, None)
        self._delivered.pop(network_id, None)
        self._current.pop(network_id, None)
        REPLICAS.forget(network_id)
        self._close(network_id, CLOSE_NOT_ACTIVE)

    def _close(self, network_id: int, code: int) -> None:
        for connections in FANOUT.nodes(network_id).values():
            for connection in connections:
                on_loop(connection, connection.close, code)

    def _hint(self, network_id: int, version: int) -> None:
        state = REPLICAS.of(network_id).state if network_id in self._current else None
        if state is not None and state.version >= version and self._delivered.get(network_id) is state:
            return
        with self._lock:
            self._hinted.add(network_id)
        self._pulse.wake()


TAIL: Final = Tail()
