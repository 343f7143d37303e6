"""What Prometheus is told: about this process's memory, and what it committed and sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from prometheus_client.exposition import generate_latest

from coordinator import gauges
from coordinator.metrics import REGISTRY, count_frame
from coordinator.replica import REPLICAS
from coordinator.tail import TAIL
from nodes.models import Network
from sessions_app.models import User
from tests.fixtures import Join

pytestmark = pytest.mark.django_db


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_how_far_memory_is_behind(network: Network, join: Join, ana: User) -> None:
    label = {"network": str(network.pk)}
    TAIL.watch(network.pk)
    TAIL.turn()
    assert (value("ghostwire_replica_lag", **label), value("ghostwire_replica_fresh", **label)) == (0, 1)
    join(ana, "web")
    known = REPLICAS.of(network.pk).state
    assert known is not None
    current = Network.objects.get().map_version
    assert value("ghostwire_map_version", **label) == current
    assert value("ghostwire_replica_version", **label) == known.version
    assert value("ghostwire_replica_lag", **label) == current - known.version > 0


def test_a_network_that_is_not_in_memory_has_no_replica(network: Network) -> None:
    label = {"network": str(network.pk)}
    assert value("ghostwire_map_version", **label) == network.map_version
    assert value("ghostwire_replica_version", **label) is None


def test_without_the_database_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def values_list(self, *_: Any) -> Any:
            raise OperationalError("away")

    monkeypatch.setattr(Network, "objects", Away())
    count_frame("delta", 7)
    told = generate_latest(REGISTRY).decode()
    assert "ghostwire_map_version{" not in told
    assert 'ghostwire_frame_bytes_total{kind="delta"}' in told


@pytest.mark.django_db(transaction=True)
def test_changes_are_counted_once_they_are_committed(network: Network, join: Join, ana: User) -> None:
    gauges.watch_changes()
    gauges.watch_changes()
    before = value("ghostwire_changes_total", kind="nodes") or 0
    version = Network.objects.get().map_version
    join(ana, "web")
    assert value("ghostwire_changes_total", kind="nodes") == before + Network.objects.get().map_version - version


def test_frames_are_counted_with_their_bytes() -> None:
    before = (
        value("ghostwire_frames_total", kind="netmap") or 0,
        value("ghostwire_frame_bytes_total", kind="netmap") or 0,
    )
    count_frame("netmap", 1000)
    assert value("ghostwire_frames_total", kind="netmap") == before[0] + 1
    assert value("ghostwire_frame_bytes_total", kind="netmap") == before[1] + 1000
