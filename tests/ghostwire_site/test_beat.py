from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from celery import Celery
from django.conf import settings
from redis import Redis
from redis.lock import Lock

from ghostwire_site import beat
from ghostwire_site.beat import OneBeat
from nodes.shared_redis import redis_client
from tests.services.redis import RedisServer


@pytest.fixture
def redis(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """The run's Redis, with a lock that no other test has."""
    section = settings.GHOSTWIRE.redis.model_copy(update={"url": redis_server.url})
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"redis": section}))
    monkeypatch.setattr(beat, "LOCK_NAME", f"ghostwire:beat:{secrets.token_hex(4)}")
    with Redis.from_url(redis_server.url) as client:
        yield client


def new_beat() -> OneBeat:
    return OneBeat(Celery("idle", broker="memory://"), lazy=True)


def works(scheduler: OneBeat) -> bool:
    scheduler.tick()
    return scheduler._works


def test_one_works_and_the_other_stands_by(redis: Redis) -> None:
    first, second = new_beat(), new_beat()
    assert [works(first), works(second), works(first)] == [True, False, True]


def test_the_one_that_ends_makes_way_at_once(redis: Redis) -> None:
    first, second = new_beat(), new_beat()
    works(first)
    works(second)
    first.close()
    first.close()
    assert works(second)


def test_the_one_that_died_makes_way_in_time(redis: Redis) -> None:
    first, second = new_beat(), new_beat()
    works(first)
    assert 0 < redis.pttl(beat.LOCK_NAME) <= beat.LOCK_SECONDS * 1000
    redis.delete(beat.LOCK_NAME)  # as its time would
    assert works(second)
    assert not works(first)


def test_a_flushed_redis_does_not_stop_the_beat(redis: Redis) -> None:
    first = new_beat()
    works(first)
    redis.delete(beat.LOCK_NAME)
    assert works(first)


def test_without_redis_it_stands_by_and_goes_on(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    first = new_beat()
    monkeypatch.setattr(
        first, "_lock", Lock(redis_client("redis://127.0.0.1:1"), beat.LOCK_NAME, timeout=15, blocking=False)
    )
    assert first.tick() == beat.STAND_BY_SECONDS
    assert not first._works
