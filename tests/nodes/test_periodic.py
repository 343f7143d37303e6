"""Periodic tasks: one run at a time, noted where all can see it; one contract for memory and Redis."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from redis import Redis

from nodes import periodic as periodic_module
from nodes.periodic import (
    INTERVALS,
    LOCK_KEY,
    LOCK_SECONDS,
    MemoryRuns,
    RedisRuns,
    Run,
    RunStore,
    for_each,
    periodic,
    run_store,
)
from nodes.shared_redis import redis_client
from tests.fixtures import START, Clock
from tests.services.redis import RedisServer

EVERY = timedelta(seconds=5)
_numbers = itertools.count()


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> RunStore:
    """Each store in turn, empty."""
    return MemoryRuns() if request.param == "memory" else RedisRuns(redis_of(request.getfixturevalue("redis_server")))


def redis_of(server: RedisServer) -> Redis:
    client = Redis.from_url(server.url.removesuffix("/0") + "/7")
    client.flushdb()
    return client


@pytest.fixture
def name() -> Iterator[str]:
    """The name of a task of this test alone."""
    chosen = f"test.task_{next(_numbers)}"
    yield chosen
    INTERVALS.pop(chosen, None)
    current_app.tasks.pop(chosen, None)


@pytest.fixture
def task(name: str) -> Callable[[Callable[[], int]], Callable[[], int]]:
    """Makes functions the task of this test."""
    return periodic(name, every=EVERY)


def doing(number: int) -> Callable[[], int]:
    """A function that did so much."""

    def work() -> int:
        return number

    return work


# --- stores


def test_one_holds_it(store: RunStore) -> None:
    token = store.hold("a")
    assert token
    assert store.hold("a") is None
    assert store.hold("b")
    store.let_go("a", token)
    assert store.hold("a")


def test_nobody_lets_go_of_what_another_holds(store: RunStore) -> None:
    assert store.hold("a")
    store.let_go("a", "not the token")
    assert store.hold("a") is None


def test_a_lock_ends_with_its_worker_in_memory() -> None:
    now = [100.0]
    store = MemoryRuns(lambda: now[0])
    late = store.hold("a")
    now[0] += LOCK_SECONDS
    assert late
    assert store.hold("a")
    store.let_go("a", late)
    assert store.hold("a") is None, "the first one let go of the second one's lock"


def test_a_lock_ends_with_its_worker_in_redis(redis_server: RedisServer) -> None:
    client = redis_of(redis_server)
    assert RedisRuns(client).hold("a")
    assert 0 < client.pttl(LOCK_KEY + "a") <= LOCK_SECONDS * 1000


def test_keeps_the_latest_run_of_each(store: RunStore) -> None:
    first, second = Run("a", START, 0.5, 0.0, 3), Run("a", START + EVERY, 0.25, 1.5, 0, "ValueError")
    other = Run("b", START, 0.5, 0.0)
    for run in (first, other, second):
        store.note(run)
    assert store.runs() == {"a": second, "b": other}


def test_says_since_when_it_listens(store: RunStore) -> None:
    assert store.since(START) == START
    assert store.since(START + EVERY) == START


# --- runs


def test_a_run_is_noted(task: Any, name: str, clock: Clock) -> None:
    run = task(doing(3))
    assert run() == 3
    noted = run_store().runs()[name]
    assert (noted.began, noted.did, noted.error, noted.lag_seconds) == (START, 3, "", 0.0)
    assert noted.seconds >= 0


def test_its_lag_counts_from_when_it_was_due(task: Any, name: str, clock: Clock) -> None:
    run = task(doing(0))
    run()
    clock.advance(seconds=5)
    run()
    assert run_store().runs()[name].lag_seconds == 0.0
    clock.advance(seconds=12)
    run()
    assert run_store().runs()[name].lag_seconds == 7.0


def test_a_fault_is_noted_and_raised(task: Any, name: str) -> None:
    def fail() -> int:
        raise ValueError("not for the store")

    run = task(fail)
    for _ in range(2):  # the lock was let go
        with pytest.raises(ValueError, match="not for the store"):
            run()
    assert run_store().runs()[name].error == "ValueError"


def test_one_at_a_time(task: Any) -> None:
    def nested() -> int:
        return 10 + int(run())

    run = task(nested)
    assert run() == 10, "it ran within itself"


def test_observers_hear_of_it(task: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Run] = []
    monkeypatch.setattr(periodic_module, "_observers", {})
    periodic_module.watch_runs("test", heard.append)
    task(doing(1))()
    assert [(run.task, run.did) for run in heard] == [(name, 1)]


def test_without_redis_it_works_all_the_same(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    away = RedisRuns(redis_client("redis://127.0.0.1:1"))
    monkeypatch.setattr(periodic_module, "run_store", lambda: away)
    assert task(doing(4))() == 4


def test_it_is_a_task_of_the_timetable(task: Any, name: str) -> None:
    task(doing(0))
    assert INTERVALS[name] == EVERY
    assert name in current_app.tasks


# --- several networks


def test_one_that_fails_holds_up_no_other() -> None:
    did: list[int] = []

    def work(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        did.append(number)
        return number

    with pytest.raises(ValueError, match="two"):
        for_each([1, 2, 3], work)
    assert did == [1, 3]
    assert for_each([1, 3], work) == 4
