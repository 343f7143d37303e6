"""What agents acknowledged: one contract for memory and Redis, and batches on their way there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from coordinator import acknowledgements
from coordinator.acknowledgements import (
    KEPT,
    Acknowledged,
    Acknowledgement,
    AcknowledgementStore,
    MemoryAcknowledgements,
    RedisAcknowledgements,
    acknowledgement_store,
)
from tests.coordinator.sockets import eventually
from tests.fixtures import START
from tests.services.redis import RedisServer

SECOND = timedelta(seconds=1)


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> AcknowledgementStore:
    """Each store in turn, empty."""
    if request.param == "memory":
        return MemoryAcknowledgements()
    server: RedisServer = request.getfixturevalue("redis_server")
    client = Redis.from_url(server.url.removesuffix("/0") + "/7")
    client.flushdb()
    return RedisAcknowledgements(client)


def ack(version: int, epoch: int = 1, after: int = 0) -> Acknowledgement:
    return Acknowledgement(epoch, version, START + after * SECOND + timedelta(microseconds=123456))


def test_keeps_epoch_version_and_instant(store: AcknowledgementStore) -> None:
    store.put({1: [ack(7)], 2: [ack(9, epoch=3)]})
    assert store.get([1, 2, 3]) == {1: (ack(7),), 2: (ack(9, epoch=3),)}
    assert store.get([]) == {}


def test_the_newest_comes_first(store: AcknowledgementStore) -> None:
    store.put({1: [ack(7), ack(8, after=1)]})
    store.put({1: [ack(9, after=2)]})
    assert store.get([1])[1] == (ack(9, after=2), ack(8, after=1), ack(7))


def test_an_earlier_version_never_replaces_a_later_one(store: AcknowledgementStore) -> None:
    store.put({1: [ack(10)]})
    store.put({1: [ack(9, after=1), ack(10, after=2)]})
    assert store.get([1])[1] == (ack(10),)


def test_a_later_epoch_counts_before_any_version(store: AcknowledgementStore) -> None:
    store.put({1: [ack(1000)]})
    store.put({1: [ack(3, epoch=2)]})
    store.put({1: [ack(1001)]})
    assert store.get([1])[1] == (ack(3, epoch=2), ack(1000))


def test_keeps_the_last_few(store: AcknowledgementStore) -> None:
    for version in range(1, 3 * KEPT):
        store.put({1: [ack(version)]})
    assert [item.version for item in store.get([1])[1]] == list(range(3 * KEPT - 1, 2 * KEPT - 1, -1))


def test_forgets(store: AcknowledgementStore) -> None:
    store.put({1: [ack(1)], 2: [ack(1)]})
    store.forget([1, 9])
    store.forget([])
    assert store.get([1, 2]) == {2: (ack(1),)}


def test_many_at_once(store: AcknowledgementStore) -> None:
    store.put({node_id: [ack(node_id)] for node_id in range(1, 5001)})
    assert store.get(range(1, 5001)) == {node_id: (ack(node_id),) for node_id in range(1, 5001)}


def test_workers_share_redis(redis_server: RedisServer) -> None:
    url = redis_server.url.removesuffix("/0") + "/7"
    Redis.from_url(url).flushdb()
    RedisAcknowledgements(Redis.from_url(url)).put({1: [ack(1)]})
    assert RedisAcknowledgements(Redis.from_url(url)).get([1]) == {1: (ack(1),)}


def test_the_configuration_decides_which(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    acknowledgement_store.cache_clear()
    assert isinstance(acknowledgement_store(), MemoryAcknowledgements)
    acknowledgement_store.cache_clear()
    redis = settings.GHOSTWIRE.redis.model_copy(update={"url": redis_server.url})
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"redis": redis}))
    assert isinstance(acknowledgement_store(), RedisAcknowledgements)


def test_what_was_noted_is_known_at_once_in_the_same_process() -> None:
    noted = Acknowledged()
    noted.note(1, 1, 7, START)
    assert noted.of([1]) == {1: (Acknowledgement(1, 7, START),)}


async def test_what_was_noted_reaches_the_store_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acknowledgements, "FLUSH_SECONDS", 0.01)
    noted = Acknowledged()
    noted.note(1, 1, 7, START)
    await eventually(lambda: 1 in acknowledgement_store().get([1]))


def test_what_the_store_does_not_take_is_kept_for_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(MemoryAcknowledgements):
        def put(self, acknowledged: object) -> None:
            raise RedisError("away")

    noted = Acknowledged()
    noted.note(1, 1, 7, START)
    with monkeypatch.context() as away:
        away.setattr(acknowledgements, "acknowledgement_store", Away)
        with pytest.raises(RedisError):
            noted.flush()
    noted.note(1, 1, 8, START + SECOND)
    assert [item.version for item in noted.of([1])[1]] == [8, 7]


def test_a_forgotten_node_is_not_handed_on() -> None:
    noted = Acknowledged()
    noted.note(1, 1, 7, START)
    noted.forget([1])
    assert noted.of([1]) == {}
