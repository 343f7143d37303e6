"""Presence stores: one contract for memory and Redis."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from redis import Redis

from nodes.presence import DEAF_AFTER, MemoryPresence, PresenceStore, RedisPresence, presence_store
from tests.fixtures import START
from tests.services.redis import RedisServer

SECOND = timedelta(seconds=1)


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> PresenceStore:
    """Each store in turn, empty."""
    if request.param == "memory":
        return MemoryPresence()
    server: RedisServer = request.getfixturevalue("redis_server")
    client = Redis.from_url(server.url.removesuffix("/0") + "/6")
    client.flushdb()
    return RedisPresence(client)


def test_notes_when_nodes_were_heard(store: PresenceStore) -> None:
    store.touch({1: START, 2: START + SECOND})
    assert store.last_seen([1, 2]) == {1: START, 2: START + SECOND}


def test_who_was_never_heard_is_left_out(store: PresenceStore) -> None:
    store.touch({1: START})
    assert store.last_seen([1, 2, 3]) == {1: START}
    assert store.last_seen([]) == {}


def test_keeps_the_latest_whatever_the_order(store: PresenceStore) -> None:
    store.touch({1: START + SECOND})
    store.touch({1: START})
    assert store.last_seen([1]) == {1: START + SECOND}
    store.touch({1: START + 2 * SECOND})
    assert store.last_seen([1]) == {1: START + 2 * SECOND}


def test_microseconds_survive(store: PresenceStore) -> None:
    at = START + timedelta(microseconds=123457)
    store.touch({1: at})
    assert abs(store.last_seen([1])[1] - at) <= timedelta(microseconds=1)


def test_nothing_to_note(store: PresenceStore) -> None:
    store.touch({})
    assert store.last_seen([1]) == {}


def test_forgets(store: PresenceStore) -> None:
    store.touch({1: START, 2: START})
    store.forget([1, 9])
    store.forget([])
    assert store.last_seen([1, 2]) == {2: START}


def test_says_since_when_it_listens(store: PresenceStore) -> None:
    store.listen(START)
    store.listen(START + 5 * SECOND)
    assert store.since(START + 6 * SECOND) == START


def test_nobody_ever_listened(store: PresenceStore) -> None:
    assert store.since(START) == START


def test_many_at_once(store: PresenceStore) -> None:
    seen = {number: START + number * SECOND for number in range(5000)}
    store.touch(seen)
    assert store.last_seen(seen) == seen


def test_a_flushed_redis_begins_to_listen_anew(redis_server: RedisServer) -> None:
    client = Redis.from_url(redis_server.url.removesuffix("/0") + "/6")
    client.flushdb()
    store = RedisPresence(client)
    store.listen(START)
    client.flushdb()
    store.listen(START + SECOND)
    assert store.since(START + SECOND) == START + SECOND


@pytest.fixture
def shared(redis_server: RedisServer) -> RedisPresence:
    """A store in Redis, empty."""
    client = Redis.from_url(redis_server.url.removesuffix("/0") + "/6")
    client.flushdb()
    return RedisPresence(client)


def test_while_no_process_listens_nobody_is_heard(shared: RedisPresence) -> None:
    shared.listen(START)
    assert shared.since(START + DEAF_AFTER) == START
    later = START + DEAF_AFTER + SECOND
    assert shared.since(later) == later


def test_after_a_break_it_listens_anew(shared: RedisPresence) -> None:
    shared.listen(START)
    back = START + timedelta(hours=1)
    shared.listen(back)
    shared.listen(back + SECOND)
    assert shared.since(back + 2 * SECOND) == back


def test_one_of_several_workers_is_enough(shared: RedisPresence, redis_server: RedisServer) -> None:
    other = RedisPresence(Redis.from_url(redis_server.url.removesuffix("/0") + "/6"))
    for number in range(0, 60, 8):
        (shared, other)[number % 16 // 8].listen(START + number * SECOND)
    assert shared.since(START + 60 * SECOND) == START


def test_a_worker_whose_clock_is_behind_breaks_nothing(shared: RedisPresence) -> None:
    shared.listen(START)
    shared.listen(START + 20 * SECOND - DEAF_AFTER)
    shared.listen(START + 5 * SECOND)
    assert shared.since(START + 20 * SECOND) == START


def test_workers_share_redis(redis_server: RedisServer) -> None:
    url = redis_server.url.removesuffix("/0") + "/6"
    Redis.from_url(url).flushdb()
    RedisPresence(Redis.from_url(url)).touch({1: START})
    assert RedisPresence(Redis.from_url(url)).last_seen([1]) == {1: START}


def test_the_configuration_decides_which(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(presence_store(), MemoryPresence)
    presence_store.cache_clear()
    redis = settings.GHOSTWIRE.redis.model_copy(update={"url": redis_server.url})
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"redis": redis}))
    assert isinstance(presence_store(), RedisPresence)
