"""Limits: one contract for both stores; and who shares a limit with whom."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import RedisError

from coordinator.limits import (
    HEARTBEATS,
    Limit,
    LimitStore,
    MemoryLimits,
    RedisLimits,
    enforce,
    enforce_challenge,
    enforce_registration,
    limit_store,
)
from ghostwire_site.config.values import parse_rate
from mesh.errors import ThrottledError
from nodes.shared_redis import redis_client
from tests.agents import Machine
from tests.fixtures import START, Clock
from tests.services.redis import RedisServer

NOW = START.timestamp()
PAIR = Limit("pair", 2, 10.0)


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> LimitStore:
    """Each store in turn, empty."""
    if request.param == "memory":
        return MemoryLimits()
    server: RedisServer = request.getfixturevalue("redis_server")
    client = Redis.from_url(server.url.removesuffix("/0") + "/7")
    client.flushdb()
    return RedisLimits(client)


def admitted(store: LimitStore, limit: Limit, *instants: float, key: str = "k") -> list[bool]:
    return [store.take(key, limit, NOW + instant) == 0 for instant in instants]


def test_as_many_at_once_as_the_limit_says(store: LimitStore) -> None:
    assert admitted(store, PAIR, 0, 0, 0) == [True, True, False]


def test_then_one_an_interval(store: LimitStore) -> None:
    assert admitted(store, PAIR, 0, 0, 4.9, 5, 5, 9.9, 10) == [True, True, False, True, False, False, True]


def test_all_again_after_a_rest(store: LimitStore) -> None:
    assert admitted(store, PAIR, 0, 0, 10, 10, 10) == [True, True, True, True, False]


def test_says_how_long_to_wait(store: LimitStore) -> None:
    admitted(store, PAIR, 0, 0)
    assert store.take("k", PAIR, NOW + 1) == pytest.approx(4.0)
    assert admitted(store, PAIR, 5) == [True]


def test_a_refusal_costs_nothing(store: LimitStore) -> None:
    admitted(store, PAIR, 0, 0)
    assert admitted(store, PAIR, *([1] * 50)) == [False] * 50
    assert admitted(store, PAIR, 5) == [True]


def test_keys_are_apart(store: LimitStore) -> None:
    assert admitted(store, PAIR, 0, 0, key="a") == admitted(store, PAIR, 0, 0, key="b") == [True, True]


def test_a_burst(store: LimitStore) -> None:
    limit = Limit("maps", 1, 5.0, burst=3)
    assert admitted(store, limit, 0, 0, 0, 0, 5, 5) == [True, True, True, False, True, False]


def test_a_part_of_a_burst_forgives_pace_and_admits_no_second_call(store: LimitStore) -> None:
    assert admitted(store, HEARTBEATS, 0, 0, 0.5) == [True, False, False]
    assert admitted(store, HEARTBEATS, 10, 10.9, 11.9, 12.9, key="other") == [True, True, True, True]


def test_a_clock_that_went_back_stops_nobody_for_long(store: LimitStore) -> None:
    admitted(store, PAIR, 3600, 3600)
    assert admitted(store, PAIR, 0, 4.9, 5.1, 10.2) == [False, False, True, True]


@pytest.mark.parametrize("threads", [16])
def test_calls_at_once_cannot_slip_through_together(store: LimitStore, threads: int) -> None:
    limit = Limit("ten", 10, 1000.0)
    start = threading.Barrier(threads)

    def call(_: int) -> int:
        start.wait()
        return sum(store.take("k", limit, NOW) == 0 for _ in range(20))

    with ThreadPoolExecutor(threads) as pool:
        assert sum(pool.map(call, range(threads))) == 10


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 5),
    seconds=st.integers(1, 20),
    burst=st.none() | st.integers(1, 5),
    waits=st.lists(st.integers(0, 12), max_size=40),
)
def test_no_window_ever_holds_more_than_the_limit(
    count: int, seconds: int, burst: int | None, waits: list[int]
) -> None:
    limit, memory = Limit("any", count, float(seconds), burst), MemoryLimits()
    at, taken = NOW, []
    for wait in waits:
        at += wait
        if memory.take("k", limit, at) == 0:
            taken.append(at)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            window = taken[last] - taken[first]
            assert last - first + 1 <= (burst or count) + window / limit.interval + 1e-6


def test_memory_forgets_keys_at_rest() -> None:
    memory = MemoryLimits()
    memory.SWEEP_AT = memory._sweep_at = 100
    for number in range(1000):
        memory.take(str(number), PAIR, NOW + number * 10)
    assert len(memory._arrivals) <= 101


def test_many_keys_in_use_are_not_swept_at_every_call() -> None:
    memory = MemoryLimits()
    memory.SWEEP_AT = memory._sweep_at = 100
    sweeps, known = 0, memory._arrivals
    for number in range(2000):
        memory.take(str(number), PAIR, NOW)
        sweeps, known = sweeps + (memory._arrivals is not known), memory._arrivals
    assert sweeps <= 6
    assert len(memory._arrivals) == 2000


def test_redis_keys_vanish_by_themselves(redis_server: RedisServer) -> None:
    client: Any = Redis.from_url(redis_server.url.removesuffix("/0") + "/7")
    client.flushdb()
    RedisLimits(client).take("k", PAIR, NOW)
    assert 0 < client.pttl("ghostwire:limit:k") <= 5001


def test_while_redis_is_away_a_process_counts_for_itself() -> None:
    store = RedisLimits(redis_client("redis://127.0.0.1:1"))
    assert admitted(store, PAIR, 0, 0, 0, 5) == [True, True, False, True]


class Hanging:
    """A Redis that answers nothing, seen by a clock that moves while one waits for it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked: list[float] = []
        self.meanwhile: Callable[[], Any] = lambda: None

    def register_script(self, script: str) -> Callable[..., Any]:
        def ask(**arguments: Any) -> None:
            self.asked.append(self.now)
            self.meanwhile()
            self.now += 5
            raise RedisError("Timeout reading from socket")

        return ask

    @property
    def store(self) -> RedisLimits:
        return RedisLimits(cast(Any, self), clock=lambda: self.now)


def test_redis_is_left_in_peace_for_a_second_after_it_failed() -> None:
    redis = Hanging()
    store = redis.store
    for now in (100, 105, 105.9, 106.1, 106.2):
        redis.now = max(redis.now, now)
        store.take("x", PAIR, redis.now)
    assert redis.asked == [100, 106.1]


def test_one_call_at_a_time_finds_out_whether_redis_is_back() -> None:
    redis = Hanging()
    store = redis.store
    store.take("x", PAIR, redis.now)
    redis.now = 110
    redis.meanwhile = lambda: store.take("y", PAIR, redis.now)
    store.take("x", PAIR, redis.now)
    assert redis.asked == [100, 110]


# --- who shares what


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets rates of the configuration: ``rates(challenges_per_address="2/min")``."""

    def put(**values: str) -> None:
        limits = settings.GHOSTWIRE.limits.model_copy(update={name: parse_rate(text) for name, text in values.items()})
        monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"limits": limits}))

    return put


def passes(action: Callable[[], None]) -> bool:
    try:
        action()
    except ThrottledError as error:
        assert error.retry_after is not None and error.retry_after > 0
        return False
    return True


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8:0:0:ffff::", "2001:db8::1", True),
        ("2001:db8:0:1::1", "2001:db8::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "unix", True),
    ],
)
def test_who_is_one_address(rates: Callable[..., None], first: str, second: str, shared: bool) -> None:
    rates(challenges_per_address="1/min")
    assert passes(lambda: enforce_challenge(first, NOW))
    assert passes(lambda: enforce_challenge(second, NOW)) is not shared


def test_challenges_in_all(rates: Callable[..., None]) -> None:
    rates(challenges_in_all="2/min")
    assert [passes(lambda n=n: enforce_challenge(f"192.0.2.{n}", NOW)) for n in range(3)] == [True, True, False]  # type: ignore[misc]


def test_an_address_that_is_refused_takes_nothing_from_the_others(rates: Callable[..., None]) -> None:
    rates(challenges_per_address="1/min", challenges_in_all="2/min")
    assert [passes(lambda: enforce_challenge("192.0.2.1", NOW)) for _ in range(9)] == [True] + [False] * 8
    assert passes(lambda: enforce_challenge("192.0.2.2", NOW))


def test_registrations_with_one_key_from_many_addresses(rates: Callable[..., None]) -> None:
    rates(registrations_per_key="2/min")
    key, other = "gwk_" + "a" * 43, "gwk_" + "b" * 43
    tries = [passes(lambda n=n: enforce_registration(f"192.0.2.{n}", key, NOW)) for n in range(3)]  # type: ignore[misc]
    assert tries == [True, True, False]
    assert passes(lambda: enforce_registration("192.0.2.9", other, NOW))
    assert passes(lambda: enforce_registration("192.0.2.9", None, NOW))


def test_no_key_stands_in_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_store.cache_clear()
    key = "gwk_" + "Qx" * 21 + "A"
    enforce_registration("192.0.2.1", key, NOW)
    memory = limit_store()
    assert isinstance(memory, MemoryLimits)
    assert not any(key[4:12] in stored for stored in memory._arrivals)


def test_enforce_says_nothing_while_all_is_well() -> None:
    enforce(PAIR, "k", NOW)


def test_challenges_over_rest(db: None, clock: Clock, rates: Callable[..., None]) -> None:
    rates(challenges_per_address="2/min")
    machine = Machine()
    body = {"public_key": machine.public_key}
    answers = [machine.call("post", "nodes/challenge", body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[2]["Retry-After"] == "30"
    assert Machine(origin="192.0.2.99").call("post", "nodes/challenge", body).status_code == 201


def test_registrations_over_rest(db: None, clock: Clock, rates: Callable[..., None]) -> None:
    rates(registrations_per_address="1/min")
    machine = Machine()
    assert machine.register("gwk_" + "Q" * 42 + "A").status_code == 401
    assert machine.register("gwk_" + "R" * 42 + "A").status_code == 429
    assert machine.new_session().status_code == 429
