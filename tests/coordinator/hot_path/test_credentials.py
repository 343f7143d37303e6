"""What is known of a session counts while memory is current and nothing happened to the node, and no longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from coordinator.authentication import admit_node
from coordinator.hot_path.credentials import CREDENTIALS, Credentials, Known, holds
from coordinator.lifecycle import delete_node, disable_node, expire_node
from coordinator.tail import FRESH_SECONDS, TAIL
from mesh.change import Cause
from nodes.models import Network
from sessions_app.models import NodeSession, User
from sessions_app.services.sessions import expire_sessions, revoke_session
from sessions_app.services.users import set_user_active
from tests.agents import Machine
from tests.coordinator.hot_path.conftest import Current, Ticks
from tests.fixtures import START, Clock, Join

ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}


def renewed(machine: Machine) -> str:
    token: str = machine.new_session().json()["session"]["token"]
    return token


def with_token(machine: Machine, token: str | None) -> int:
    status: int = machine.call("post", "heartbeat", {}, headers={"Authorization": f"Bearer {token}"}).status_code
    return status


def test_who_is_known_costs_no_query(web: Machine, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert web.heartbeat().status_code == 200


def test_who_is_not_known_costs_one(
    join: Join, ana: User, current: Current, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    machine = join(ana, "web")
    current()
    with django_assert_num_queries(1):
        assert machine.heartbeat().status_code == 200


def test_a_known_token_does_not_open_another_nodes_door(web: Machine, join: Join, ana: User) -> None:
    other = join(ana, "other")
    assert CREDENTIALS.recall(other.token or "") is None


ENDS: dict[str, tuple[Callable[[Machine], Any], int]] = {
    "session revoked": (lambda m: revoke_session(session_id=NodeSession.objects.get().pk, **ACT), 401),
    "node deleted": (lambda m: delete_node(node_id=m.node.pk, **ACT), 401),
    "node disabled": (lambda m: disable_node(node_id=m.node.pk, **ACT), 403),
    "key expired": (lambda m: expire_node(node_id=m.node.pk, **ACT), 403),
    "owner disabled": (lambda m: set_user_active(user_id=m.node.owner_id or 0, active=False, **ACT), 403),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_end_that_was_read_is_obeyed(web: Machine, current: Current, end: str) -> None:
    act, status = ENDS[end]
    act(web)
    current()
    assert web.heartbeat().status_code == status


@pytest.mark.parametrize("end", ENDS)
def test_an_end_is_obeyed_without_any_hint_or_poll_once_memory_is_old(web: Machine, ticks: Ticks, end: str) -> None:
    act, status = ENDS[end]
    act(web)
    ticks.now += FRESH_SECONDS
    assert web.heartbeat().status_code == status


def test_sessions_that_a_task_ended_are_not_known(web: Machine, current: Current, clock: Clock) -> None:
    NodeSession.objects.update(expires_at=clock.at)
    expire_sessions(network_id=web.node.network_id, now=clock.at)
    current()
    assert web.heartbeat().status_code == 401


def test_a_session_ends_by_the_clock_also_in_memory(web: Machine, clock: Clock) -> None:
    (known,) = CREDENTIALS._known.values()
    assert holds(known, clock.at) is not None
    clock.at = known.ends_at
    assert holds(known, clock.at) is None
    assert web.heartbeat().status_code == 401


def test_the_first_use_of_a_new_token_anywhere_ends_the_old_one_here(web: Machine, current: Current) -> None:
    new = renewed(web)
    current()
    # Another process, of which this one hears nothing.
    admit_node(token=new, now=timezone.now())
    assert with_token(web, web.token) == 401


def test_while_a_new_token_waits_the_old_one_is_asked_for_each_time(
    web: Machine, current: Current, clock: Clock, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    renewed(web)
    current()
    for _ in range(2):
        with django_assert_num_queries(1):
            assert web.heartbeat().status_code == 200
        clock.advance(seconds=1)


def test_the_new_token_is_known_from_its_second_use(
    web: Machine, current: Current, clock: Clock, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    web.token = renewed(web)
    current()
    assert web.heartbeat().status_code == 200
    clock.advance(seconds=1)
    with django_assert_num_queries(0):
        answer = web.heartbeat()
    assert answer.json()["session_expires_at"] == "2026-03-03T12:00:01Z"


def test_without_the_database_memory_answers_while_it_is_current(
    web: Machine, ticks: Ticks, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr("coordinator.hot_path.rest.admit_node", away)
    assert web.heartbeat().status_code == 200
    clock.advance(seconds=1)
    ticks.now += FRESH_SECONDS
    response = web.heartbeat()
    assert (response.status_code, response.json()["code"], response["Retry-After"]) == (503, "database", "5")


def test_who_was_known_is_known_again_once_memory_is_current(
    web: Machine,
    ticks: Ticks,
    clock: Clock,
    current: Current,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ticks.now += FRESH_SECONDS
    current()
    with django_assert_num_queries(0):
        assert web.heartbeat().status_code == 200


def test_a_replica_that_is_ahead_of_what_was_read_is_not_compared_with(web: Machine, current: Current) -> None:
    session = NodeSession.objects.select_related("node__network", "node__owner").get()
    assert Known.of(session).record is not None
    session.node.network.map_version -= 1
    assert Known.of(session).record is None


def test_the_least_used_go_first(web: Machine) -> None:
    known = Known.of(NodeSession.objects.select_related("node__network").get())
    credentials = Credentials(limit=2)
    credentials.remember("a", known)
    credentials.remember("b", known)
    credentials.recall("a")
    credentials.remember("c", known)
    assert [credentials.recall(token) is not None for token in "abc"] == [True, False, True]
    assert len(credentials) == 2


def test_no_token_stands_in_memory(web: Machine) -> None:
    assert web.token is not None
    assert all(web.token.encode() not in digest and len(digest) == 32 for digest in CREDENTIALS._known)


def test_a_network_that_heartbeats_come_from_is_followed(join: Join, ana: User, ticks: Ticks, network: Network) -> None:
    machine = join(ana, "web")
    machine.heartbeat()
    TAIL.turn()
    assert TAIL.is_fresh(network.pk)
