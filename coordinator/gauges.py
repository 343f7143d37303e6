"""What is read at the moment when Prometheus asks: who is connected here, and how current memory is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models.signals import post_save
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from coordinator.fanout import FANOUT
from coordinator.metrics import CHANGES, REGISTRY
from coordinator.relay_gauges import Relays
from coordinator.replica import REPLICAS
from coordinator.tail import TAIL
from nodes.models import Change, Network


class Replicas(Collector):
    """The agents connected to this process and how current its replicas are, by network."""

    def collect(self) -> Iterator[Metric]:
        """Reads memory, and the versions in the database by one query; without the database those are left out."""
        sockets = _by_network("ghostwire_agent_sockets", "Agent sockets open here.")
        version = _by_network("ghostwire_map_version", "Version of the map in the database.")
        replica = _by_network("ghostwire_replica_version", "Version of the map in memory.")
        lag = _by_network("ghostwire_replica_lag", "Versions that memory is behind the database.")
        fresh = _by_network("ghostwire_replica_fresh", "1 while memory may answer without asking the database.")
        for network_id in FANOUT.networks():
            count = sum(len(connections) for connections in FANOUT.nodes(network_id).values())
            sockets.add_metric((str(network_id),), count)
        for network_id, current in _versions():
            labels = (str(network_id),)
            version.add_metric(labels, current)
            state = REPLICAS.of(network_id).state
            if state is not None:
                replica.add_metric(labels, state.version)
                lag.add_metric(labels, max(0, current - state.version))
                fresh.add_metric(labels, TAIL.is_fresh(network_id))
        yield from (sockets, version, replica, lag, fresh)


def watch_changes() -> None:
    """Counts the changes that this process commits from now on."""
    post_save.connect(_count_change, sender=Change, dispatch_uid="ghostwire_count_changes")


REGISTRY.register(Replicas())
REGISTRY.register(Relays())


def _count_change(instance: Change, created: bool, **_: Any) -> None:
    if created:
        transaction.on_commit(CHANGES.labels(instance.kind).inc)


def _by_network(name: str, help_text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, labels=("network",))


def _versions() -> list[tuple[int, int]]:
    try:
        return list(Network.objects.values_list("pk", "map_version"))
    except (DatabaseError, InterfaceError):
        return []  # whether the database answers is what readyz says; the rest can still be told
