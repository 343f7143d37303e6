"""What workers counted, added up across processes and taken once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from coordinator import tallies
from coordinator.metrics import FRAMES, HEARTBEATS, REQUESTS
from coordinator.tallies import SHARED, MemoryTally, RedisTally, Tallies, TallyStore, count_here
from nodes.shared_redis import redis_client
from tests.services.redis import RedisServer


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Iterator[TallyStore]:
    """Each kind."""
    if request.param == "memory":
        yield MemoryTally()
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    client = Redis.from_url(server.url)
    client.delete(tallies.KEY)
    yield RedisTally(client)
    client.delete(tallies.KEY)


def test_what_several_add_is_taken_once(store: TallyStore) -> None:
    store.add({"pushes": 3})
    store.add({"pushes": 4, "errors": 1})
    assert store.take() == {"pushes": 7, "errors": 1}
    assert store.take() == {}


def test_a_process_hands_on_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryTally()
    monkeypatch.setattr(tallies, "tally_store", lambda: store)
    process = Tallies()
    process.flush()
    store.take()
    HEARTBEATS.from_memory += 2
    FRAMES.labels("delta").inc(3)
    FRAMES.labels("answer").inc(5)
    REQUESTS.count("route", "GET", 503, 0.1)
    REQUESTS.count("route", "GET", 404, 0.1)
    process.flush()
    assert store.take() == {"heartbeats": 2, "pushes": 3, "errors": 1, SHARED: 1}


def test_a_process_that_did_nothing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryTally()
    monkeypatch.setattr(tallies, "tally_store", lambda: store)
    process = Tallies()
    process.flush()
    store.take()
    process.flush()
    assert store.take() == {SHARED: 1}


def test_what_could_not_be_handed_on_is_handed_on_later(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Tallies()
    process._told = count_here()
    HEARTBEATS.from_memory += 4
    monkeypatch.setattr(tallies, "tally_store", lambda: RedisTally(redis_client("redis://127.0.0.1:1")))
    with pytest.raises(RedisConnectionError):
        process.flush()
    store = MemoryTally()
    monkeypatch.setattr(tallies, "tally_store", lambda: store)
    process.flush()
    assert store.take()["heartbeats"] == 4
