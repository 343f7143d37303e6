"""Answers from memory: the same as the database would give, and only where the heartbeat says nothing new."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from coordinator.arrivals import ARRIVALS
from coordinator.hot_path.credentials import CREDENTIALS
from coordinator.networks import ensure_network
from nodes.models import Network
from sessions_app.models import User
from tests.agents import Machine
from tests.coordinator.hot_path.conftest import Current, Ticks
from tests.fixtures import Clock, Join

KNOWN: dict[str, dict[str, Any]] = {
    "nothing": {},
    "the same endpoints": {"endpoints": ["203.0.113.9:1", "[2001:db8::1]:2"]},
    "the same in another spelling": {"endpoints": ["203.0.113.9:1", "[2001:0DB8:0::1]:2", "203.0.113.9:1"]},
    "the same posture": {"posture": {"disk": True}},
    "traffic": {"traffic": {"7": {"received": 1}}},
    "all of it": {"endpoints": ["203.0.113.9:1", "[2001:db8::1]:2"], "posture": {"disk": True}, "traffic": {}},
}
NEW: dict[str, dict[str, Any]] = {
    "other endpoints": {"endpoints": ["203.0.113.9:2"]},
    "endpoints in another order": {"endpoints": ["[2001:db8::1]:2", "203.0.113.9:1"]},
    "no endpoints": {"endpoints": []},
    "another posture": {"posture": {"disk": False}},
    "a number that equals true": {"posture": {"disk": 1}},
    "no posture": {"posture": {}},
}


@pytest.mark.parametrize("facts", KNOWN.values(), ids=KNOWN.keys())
def test_what_is_known_is_answered_without_a_query(
    web: Machine, facts: dict[str, Any], clock: Clock, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(2):  # the second time by its bytes
        with django_assert_num_queries(0):
            assert web.heartbeat(**facts).status_code == 200
        clock.advance(seconds=1)


@pytest.mark.parametrize("facts", NEW.values(), ids=NEW.keys())
def test_what_is_new_is_written_before_the_answer(web: Machine, facts: dict[str, Any]) -> None:
    before = Network.objects.get().map_version
    assert web.heartbeat(**facts).json()["map_version"] == before + 1
    node = web.node
    stored = {"endpoints": [row.address for row in node.endpoints.all()], "posture": node.posture}
    assert {name: stored[name] for name in facts} == facts


def test_memory_answers_as_the_database_does(web: Machine, ticks: Ticks, clock: Clock) -> None:
    from_memory = web.heartbeat()
    clock.advance(seconds=1)
    ticks.now += 60
    from_database = web.heartbeat()
    differing = {"server_time"}
    assert list(from_memory.json()) == list(from_database.json())
    assert {k: v for k, v in from_memory.json().items() if k not in differing} == {
        k: v for k, v in from_database.json().items() if k not in differing
    }
    assert dict(from_memory.headers) == dict(from_database.headers)


def test_nothing_older_than_what_was_just_written_is_answered_or_compared_with(web: Machine, clock: Clock) -> None:
    """The replica has not read the change yet when the next heartbeat takes it back."""
    version = web.heartbeat(endpoints=["203.0.113.77:7"]).json()["map_version"]
    clock.advance(seconds=1)
    answer = web.heartbeat(endpoints=["203.0.113.9:1", "[2001:db8::1]:2"]).json()
    assert answer["map_version"] == version + 1
    assert web.node.endpoints.count() == 2


def test_a_posture_that_was_taken_back_is_written_though_its_bytes_were_heard_before(
    web: Machine, clock: Clock, current: Current
) -> None:
    first, second = {"posture": {"disk": True}}, {"posture": {"disk": False}}
    assert web.heartbeat(**first).status_code == 200
    for facts in (second, first):
        clock.advance(seconds=61)
        current()
        assert web.heartbeat(**facts).status_code == 200
    assert web.node.posture == first["posture"]


def test_latencies_are_compared_with_the_last_ones(
    web: Machine, clock: Clock, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert web.heartbeat(relay_latency_ms={"3": 5.5}).status_code == 200
    clock.advance(seconds=1)
    with django_assert_num_queries(0):
        assert web.heartbeat(relay_latency_ms={"03": 5.5}).status_code == 200
    clock.advance(seconds=1)
    assert web.heartbeat(relay_latency_ms={"3": 7.5}).status_code == 200
    assert web.node.relay_latency_ms == {"3": 7.5}


def test_a_heartbeat_from_memory_is_a_sign_of_life(web: Machine, clock: Clock) -> None:
    web.heartbeat()
    assert ARRIVALS._seen[web.node.pk] == clock.at


def test_who_was_offline_in_memory_comes_back(web: Machine, clock: Clock) -> None:
    web.heartbeat()
    ARRIVALS.write_returned(clock.at)
    assert web.node.online


def test_settings_are_those_of_the_replica(web: Machine, current: Current, clock: Clock, settings: Any) -> None:
    network = settings.GHOSTWIRE.network.model_copy(update={"keepalive_interval": timedelta(seconds=7)})
    changed = settings.GHOSTWIRE.model_copy(update={"network": network})
    ensure_network(config=changed, now=clock.at, random5=b"\1\2\3\4\5")
    current()
    assert web.heartbeat().json()["next_heartbeat_seconds"] == Network.objects.get().keepalive_seconds


def test_the_limit_is_counted_before_memory_answers(web: Machine) -> None:
    assert [web.heartbeat().status_code for _ in range(2)] == [200, 429]


def test_a_body_that_is_refused_is_refused_from_memory_too(web: Machine, clock: Clock) -> None:
    for _ in range(2):
        response = web.heartbeat(endpoints=["127.0.0.1:1"])
        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == "endpoints.0"
        clock.advance(seconds=2)


def test_long_bodies_are_not_kept(web: Machine, clock: Clock) -> None:
    web.heartbeat(traffic={"x": "y" * 2000})
    (known,) = CREDENTIALS._known.values()
    assert known.body is None
    clock.advance(seconds=1)
    web.heartbeat(traffic={"x": "y"})
    assert known.body is not None


def test_nodes_of_two_people_are_not_mixed_up(web: Machine, join: Join, ben: User, current: Current) -> None:
    other = join(ben, "other")
    current()
    assert [other.heartbeat().status_code, web.heartbeat().status_code] == [200, 200]
    assert {known.node_id for known in CREDENTIALS._known.values()} == {web.node.pk, other.node.pk}
