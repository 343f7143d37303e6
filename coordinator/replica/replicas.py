"""The replicas of this process, one a network."""

from __future__ import annotations

import threading
from typing import Final

from coordinator.replica.replica import Replica
from coordinator.snapshots import SNAPSHOTS
from mesh.errors import NotFoundError
from mesh.netmap.state import State
from nodes.models import Network


class Replicas:
    """Made when a network is first asked for."""

    def __init__(self) -> None:
        self._replicas: dict[int, Replica] = {}
        self._lock = threading.Lock()

    def of(self, network_id: int) -> Replica:
        """The replica of a network."""
        with self._lock:
            replica = self._replicas.get(network_id)
            if replica is None:
                replica = self._replicas[network_id] = Replica(network_id)
            return replica

    def loaded(self) -> list[Replica]:
        """Those that hold a state."""
        with self._lock:
            return [replica for replica in self._replicas.values() if replica.state is not None]

    def forget(self, network_id: int) -> None:
        """Drops the replica of a network that is gone."""
        with self._lock:
            self._replicas.pop(network_id, None)

    def clear(self) -> None:
        """Forgets everything: another database stands behind the same ids."""
        with self._lock:
            self._replicas.clear()


REPLICAS: Final = Replicas()


def current_version(network_id: int) -> int:
    """The map version of a network, in one query. Raises NotFoundError."""
    version = Network.objects.filter(pk=network_id).values_list("map_version", flat=True).first()
    if version is None:
        raise NotFoundError(f"There is no network {network_id}.")
    return version


def current_state(network_id: int) -> State:
    """A network as it is now: one query, and what changed since the last time."""
    return REPLICAS.of(network_id).catch_up(current_version(network_id))


def write_snapshots() -> None:
    """Writes snapshots of this process's networks where those that there are have become old."""
    for replica in REPLICAS.loaded():
        mark = replica.mark()
        if mark is not None:
            SNAPSHOTS.write_if_old(*mark)
