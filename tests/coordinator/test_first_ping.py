"""The first ping that an agent tells of: written once, without a map that moves, and for nothing afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from coordinator.tail import TAIL
from nodes.models import Change
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import Clock, Join

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(join: Join, ana: User, clock: Clock) -> Machine:
    return join(ana, "web")


def tell(web: Machine, peer_id: Any = 7, milliseconds: Any = 3.5) -> Any:
    return web.heartbeat(traffic={"first_ping": {"peer_id": peer_id, "milliseconds": milliseconds}})


def test_the_first_one_is_kept(web: Machine, clock: Clock) -> None:
    changes = Change.objects.count()
    clock.advance(seconds=30)
    assert tell(web).status_code == 200
    first = web.node
    assert (first.first_ping_at, first.first_ping_ms, first.first_ping_peer) == (clock.at, 3.5, 7)
    clock.advance(seconds=30)
    assert tell(web, peer_id=8).status_code == 200
    assert web.node.first_ping_peer == 7
    assert Change.objects.count() == changes


def test_what_is_known_costs_no_query(web: Machine, clock: Clock) -> None:
    for _ in range(2):
        clock.advance(seconds=30)
        TAIL.turn()
        tell(web)
    clock.advance(seconds=30)
    TAIL.turn()
    with CaptureQueriesContext(connection) as captured:
        tell(web)
    assert len(captured) == 0


@pytest.mark.parametrize(("member", "value"), [("peer_id", 0), ("peer_id", "7"), ("milliseconds", -1)])
def test_what_is_none_is_refused_by_name(web: Machine, clock: Clock, member: str, value: Any) -> None:
    clock.advance(seconds=30)
    answer = tell(web, **{member: value})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [f"traffic.first_ping.{member}"]
    assert web.node.first_ping_at is None
