"""The first ping that an agent tells of: written once, without a map that moves, and for nothing afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from coordinator.tail import TAIL
from nodes.models import Change
from sessions_app.models import User
from tests import factories as make
from tests.agents import Machine
from tests.fixtures import Clock, Join

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(join: Join, ana: User, clock: Clock) -> Machine:
    return join(ana, "web")


@pytest.fixture
def peer(join: Join, ana: User) -> int:
    return join(ana, "peer").node.pk


def tell(web: Machine, peer_id: Any, milliseconds: Any = 3.5) -> Any:
    return web.heartbeat(traffic={"first_ping": {"peer_id": peer_id, "milliseconds": milliseconds}})


def test_the_first_one_is_kept(web: Machine, peer: int, join: Join, ana: User, clock: Clock) -> None:
    other = join(ana, "other").node.pk
    changes = Change.objects.count()
    clock.advance(seconds=30)
    assert tell(web, peer).status_code == 200
    first = web.node
    assert (first.first_ping_at, first.first_ping_ms, first.first_ping_peer) == (clock.at, 3.5, peer)
    clock.advance(seconds=30)
    assert tell(web, other).status_code == 200
    assert web.node.first_ping_peer == peer
    assert Change.objects.count() == changes


def test_a_peer_that_is_none_is_not_kept(web: Machine, clock: Clock) -> None:
    stranger = make.NodeFactory(network=make.NetworkFactory())
    for peer_id in (stranger.pk, web.node.pk, 10**6):
        clock.advance(seconds=30)
        assert tell(web, peer_id).status_code == 200
        assert web.node.first_ping_at is None


def test_what_is_known_costs_no_query(web: Machine, peer: int, clock: Clock) -> None:
    for _ in range(2):
        clock.advance(seconds=30)
        TAIL.turn()
        tell(web, peer)
    clock.advance(seconds=30)
    TAIL.turn()
    with CaptureQueriesContext(connection) as captured:
        tell(web, peer)
    assert len(captured) == 0


REFUSED = [("peer_id", 0), ("peer_id", "7"), ("milliseconds", -1)]


def refused(answer: Any) -> list[str]:
    assert answer.status_code == 400
    return [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(("member", "value"), REFUSED)
def test_what_is_none_is_refused_by_name(web: Machine, peer: int, clock: Clock, member: str, value: Any) -> None:
    clock.advance(seconds=30)
    answer = tell(web, **{"peer_id": peer, member: value})
    assert refused(answer) == [f"traffic.first_ping.{member}"]
    assert web.node.first_ping_at is None


def test_it_is_refused_likewise_once_it_is_known(web: Machine, peer: int, clock: Clock) -> None:
    for _ in range(2):
        clock.advance(seconds=30)
        TAIL.turn()
        tell(web, peer)
    for member, value in REFUSED:
        clock.advance(seconds=30)
        assert refused(tell(web, **{"peer_id": peer, member: value})) == [f"traffic.first_ping.{member}"]
