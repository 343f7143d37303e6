"""What a snapshot holds, and everything that makes one count as none: the database decides what is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from coordinator.replica import REPLICAS
from coordinator.replica import replica as replica_module
from coordinator.snapshots import Snapshots, UnreadableSnapshotError, blob, unpack_snapshot
from nodes.models import Change, Network, Node
from nodes.services.presence import mark_offline, mark_online
from sessions_app.models import User
from tests.coordinator.snapshot_store import (
    CAUSE,
    Worker,
    facts,
    key_of,
    maps,
    redis,
    snapshots,
    web,
    worker,
    write,
)
from tests.fixtures import Clock, Join

pytestmark = pytest.mark.django_db

__all__ = ["redis", "snapshots", "web", "worker"]

# --- What it holds


def test_a_worker_begins_where_the_snapshot_is(
    snapshots: Snapshots, network: Network, web: Node, worker: Worker
) -> None:
    before = write(snapshots, network)
    after = worker.begin()
    assert worker.sources == ["snapshot"]
    assert facts(after) == facts(before)
    assert maps(after) == maps(before)


def test_and_follows_the_change_log_from_there(
    snapshots: Snapshots, network: Network, web: Node, worker: Worker, clock: Clock
) -> None:
    write(snapshots, network)
    mark_online(network_id=network.pk, node_ids=[web.pk], cause=CAUSE, now=web.created_at)
    found = worker.begin()
    assert worker.sources == ["snapshot"]
    REPLICAS.clear()
    assert maps(found) == maps(REPLICAS.of(network.pk).reload())


def test_it_saves_reading_the_tables(snapshots: Snapshots, network: Network, web: Node, worker: Worker) -> None:
    write(snapshots, network)
    with CaptureQueriesContext(connection) as queries:
        worker.begin()
    asked = " ".join(query["sql"] for query in queries)
    assert "nodes_address" not in asked
    assert "sessions_app_nodesession" not in asked
    assert "acl_aclrule" not in asked


def test_equal_values_are_one_object(snapshots: Snapshots, network: Network, join: Join, ana: User) -> None:
    for name in ("a", "b"):
        join(ana, name, os="linux", posture={"x": True, "n": 1})
    join(ana, "c", posture={"x": 1, "n": True})
    state = write(snapshots, network)
    key = key_of(snapshots._redis)  # type: ignore[arg-type]
    found = unpack_snapshot(bytes(snapshots._redis.get(key)))  # type: ignore[union-attr, arg-type]
    a, b, c = sorted(found.topology.nodes.values(), key=lambda node: node.name)
    assert a.posture is b.posture
    assert a.os is b.os
    assert c.posture == a.posture
    # As true is not 1 to a policy.
    assert [type(value) for value in c.posture.values()] != [type(value) for value in a.posture.values()]
    assert dict(found.topology.nodes.items()) == dict(state.topology.nodes.items())


# --- What makes it none


Spoil = Callable[[Redis, Network], None]


def remove(redis: Redis, network: Network) -> None:
    redis.delete(key_of(redis))


def damage(redis: Redis, network: Network) -> None:
    key = key_of(redis)
    found = bytearray(bytes(redis.get(key)))  # type: ignore[arg-type]
    found[-7] ^= 1
    redis.set(key, bytes(found))


def cut_off(redis: Redis, network: Network) -> None:
    key = key_of(redis)
    redis.set(key, bytes(redis.get(key))[:-100])  # type: ignore[arg-type]


def nonsense(redis: Redis, network: Network) -> None:
    redis.set(key_of(redis), b"hello")


def another_type(redis: Redis, network: Network) -> None:
    key = key_of(redis)
    redis.delete(key)
    redis.rpush(key, b"a", b"b")


def with_head(redis: Redis, **changes: Any) -> None:
    key = key_of(redis)
    found = bytes(redis.get(key))  # type: ignore[arg-type]
    head, end = blob._head(found)
    packed = msgspec.msgpack.encode(msgspec.structs.replace(head, **changes))
    redis.set(key, blob.MAGIC + len(packed).to_bytes(2) + packed + found[end:])


def of_another_installation(redis: Redis, network: Network) -> None:
    with_head(redis, installation="another")


def of_another_network(redis: Redis, network: Network) -> None:
    with_head(redis, network_id=network.pk + 1)


def of_another_epoch(redis: Redis, network: Network) -> None:
    with_head(redis, epoch=7)


def of_the_future(redis: Redis, network: Network) -> None:
    with_head(redis, version=10_000)


def of_a_history_that_was_taken_back(redis: Redis, network: Network) -> None:
    # The database was restored, and went on to the same version by another change.
    Change.objects.filter(network=network).update(request_id="another")


def go_on(network: Network) -> list[Change]:
    """Two more changes of the network."""
    before = Change.objects.filter(network=network).count()
    node_ids = list(Node.objects.values_list("pk", flat=True))
    mark_online(network_id=network.pk, node_ids=node_ids, cause=CAUSE, now=network.created_at)
    last_seen = dict.fromkeys(node_ids, network.created_at)
    mark_offline(network_id=network.pk, last_seen=last_seen, cause=CAUSE, now=network.created_at)
    return list(Change.objects.filter(network=network).order_by("version")[before:])


def with_a_gap_behind_it(redis: Redis, network: Network) -> None:
    go_on(network)[0].delete()


def with_an_end_behind_it(redis: Redis, network: Network) -> None:
    go_on(network)[1].delete()


def with_facts_pruned_behind_it(redis: Redis, network: Network) -> None:
    Change.objects.filter(pk=go_on(network)[0].pk).update(facts={})


@pytest.mark.parametrize(
    "spoil",
    [
        remove,
        damage,
        cut_off,
        nonsense,
        another_type,
        of_another_installation,
        of_another_network,
        of_another_epoch,
        of_the_future,
        of_a_history_that_was_taken_back,
        with_a_gap_behind_it,
        with_an_end_behind_it,
        with_facts_pruned_behind_it,
    ],
)
def test_the_database_is_read_instead_of_one_that_is(
    spoil: Spoil, snapshots: Snapshots, network: Network, web: Node, worker: Worker
) -> None:
    write(snapshots, network)
    assert snapshots._redis is not None
    spoil(snapshots._redis, network)
    found = worker.begin()
    assert worker.sources[-1] == "tables"
    assert found.version == Network.objects.get().map_version
    assert dict(found.topology.nodes.items()) == dict(REPLICAS.of(network.pk).reload().topology.nodes.items())


def test_one_that_is_too_far_behind_is_none(
    snapshots: Snapshots, network: Network, web: Node, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(snapshots, network)
    monkeypatch.setattr(replica_module, "MAX_STEPS", 0)
    mark_online(network_id=network.pk, node_ids=[web.pk], cause=CAUSE, now=web.created_at)
    worker.begin()
    assert worker.sources == ["tables"]


def test_one_of_another_program_is_not_found(
    snapshots: Snapshots, network: Network, web: Node, worker: Worker, settings: Any
) -> None:
    write(snapshots, network)
    settings.GHOSTWIRE_VERSION = "another"
    worker.begin()
    assert worker.sources == ["tables"]


def test_records_of_another_shape_have_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    before = blob.schema_hash("1")
    grown = msgspec.defstruct("NodeRecord", [("id", int), ("more", str, "")], frozen=True)
    monkeypatch.setattr(blob, "RECORDS", (grown,))
    assert blob.schema_hash("1") != before


def test_a_raised_epoch_is_another_network(snapshots: Snapshots, network: Network, web: Node, worker: Worker) -> None:
    write(snapshots, network)
    Network.objects.filter(pk=network.pk).update(epoch=2)
    assert worker.begin().epoch == 2
    assert worker.sources == ["tables"]


def test_without_redis_the_database_is_read(
    network: Network, web: Node, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def get(self, key: str) -> bytes:
            raise RedisConnectionError("away")

    away: Any = Away()
    monkeypatch.setattr(replica_module, "SNAPSHOTS", Snapshots(lambda: away, lambda: "test"))
    worker.begin()
    assert worker.sources == ["tables"]


@pytest.mark.parametrize("junk", [b"", b"GW", b"GWSNAP", b"GWSNAP\xff\xff", b"GWSNAP\x00\x01\x80", b"x" * 100])
def test_bytes_that_are_no_snapshot(junk: bytes) -> None:
    with pytest.raises(UnreadableSnapshotError):
        unpack_snapshot(junk)
