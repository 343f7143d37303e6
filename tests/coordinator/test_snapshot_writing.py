"""When a snapshot is written, and by whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from redis import Redis

from coordinator.snapshots import Snapshots, store
from nodes.models import Change, Network, Node
from nodes.services.presence import mark_online
from tests.coordinator.snapshot_store import (
    CAUSE,
    MINE,
    mark,
    redis,
    snapshots,
    web,
    worker,
    write,
)
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db

__all__ = ["redis", "snapshots", "web", "worker"]


def test_the_first_is_written_at_once(snapshots: Snapshots, network: Network, web: Node, redis: Redis) -> None:
    assert snapshots.write_if_old(*mark(network))
    assert snapshots.read(network.pk, most_steps=0) is not None


def test_one_that_is_current_is_left(snapshots: Snapshots, network: Network, web: Node) -> None:
    write(snapshots, network)
    assert not snapshots.write_if_old(*mark(network))


def test_a_few_changes_do_not_make_it_old(snapshots: Snapshots, network: Network, web: Node, clock: Clock) -> None:
    write(snapshots, network)
    mark_online(network_id=network.pk, node_ids=[web.pk], cause=CAUSE, now=clock.at)
    assert not snapshots.write_if_old(*mark(network))


def test_many_changes_do(
    snapshots: Snapshots, network: Network, web: Node, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_CHANGES", 1)
    write(snapshots, network)
    mark_online(network_id=network.pk, node_ids=[web.pk], cause=CAUSE, now=clock.at)
    assert snapshots.write_if_old(*mark(network))


def test_time_does_where_anything_changed(snapshots: Snapshots, network: Network, web: Node, clock: Clock) -> None:
    write(snapshots, network)
    clock.at += store.MOST_AGE + timedelta(seconds=1)
    assert not snapshots.write_if_old(*mark(network))
    mark_online(network_id=network.pk, node_ids=[web.pk], cause=CAUSE, now=clock.at)
    assert snapshots.write_if_old(*mark(network))


def test_one_worker_writes_it(
    snapshots: Snapshots, redis: Redis, network: Network, web: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Snapshots(lambda: redis, lambda: snapshots._installation)
    assert snapshots.write_if_old(*mark(network))
    redis.delete(next(iter(key for key in redis.scan_iter(f"ghostwire:snapshot:{MINE}*") if b":lock" not in key)))
    assert not other.write_if_old(*mark(network))


def test_a_worker_that_lags_leaves_the_newer_one(
    snapshots: Snapshots, network: Network, web: Node, clock: Clock
) -> None:
    former = mark(network)
    mark_online(network_id=network.pk, node_ids=[web.pk], cause=CAUSE, now=clock.at)
    write(snapshots, network)
    assert not snapshots.write_if_old(*former)


def test_one_of_a_history_that_was_taken_back_is_replaced(
    snapshots: Snapshots, network: Network, web: Node, clock: Clock
) -> None:
    with transaction.atomic():
        former = mark(network)
        mark_online(network_id=network.pk, node_ids=[web.pk], cause=CAUSE, now=clock.at)
        write(snapshots, network)
        transaction.set_rollback(False)
    Change.objects.filter(network=network, version__gt=former[0].version).delete()
    assert snapshots.write_if_old(*former)
