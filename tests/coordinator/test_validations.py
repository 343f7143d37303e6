"""Sessions that are looked at are counted by what came of it, and by who was asked."""

from __future__ import annotations

import asyncio

import pytest

from coordinator.admission import admit
from coordinator.lifecycle import disable_node
from coordinator.metrics import VALIDATIONS
from coordinator.validations import asking_database
from mesh.change import Cause
from nodes.models import Node
from sessions_app.models import User
from tests.agents import Machine
from tests.coordinator.hot_path.conftest import current, ticks, web  # noqa: F401 - fixtures
from tests.fixtures import START, Clock, Join

UNKNOWN = "gws_" + "Q" * 42 + "A"


def counted() -> dict[str, float]:
    """How often, by ``RESULT SOURCE``."""
    (family,) = VALIDATIONS.collect()
    return {
        f"{item.labels['result']} {item.labels['source']}": item.value
        for item in family.samples
        if item.name.endswith("_total")
    }


def more_than(before: dict[str, float]) -> dict[str, float]:
    return {name: value - before[name] for name, value in counted().items() if value > before[name]}


def test_a_heartbeat_that_memory_answers(web: Machine) -> None:  # noqa: F811
    before = counted()
    assert web.heartbeat().status_code == 200
    assert more_than(before) == {"accepted memory": 1}


def test_a_socket_of_a_session_in_memory(web: Machine, clock: Clock) -> None:  # noqa: F811
    assert web.token is not None
    before = counted()
    asyncio.run(admit(web.token, clock()))
    assert more_than(before) == {"accepted memory": 1}


def test_a_call_that_asks_the_database(join: Join, ana: User, clock: Clock) -> None:
    machine = join(ana, "db")
    before = counted()
    assert machine.call("get", "netmap").status_code == 200
    assert machine.call("get", "netmap", headers={"Authorization": f"Bearer {UNKNOWN}"}).status_code == 401
    assert more_than(before) == {"accepted database": 1, "authentication database": 1}


def test_a_node_that_may_not_take_part(join: Join, ana: User, clock: Clock) -> None:
    machine = join(ana, "db")
    disable_node(node_id=Node.objects.get(name="db").pk, cause=Cause.command(), now=START)
    before = counted()
    assert machine.call("get", "netmap").status_code == 403
    assert more_than(before) == {"permission database": 1}


def test_a_database_that_is_away_refuses_nobody() -> None:
    before = counted()
    with pytest.raises(ZeroDivisionError), asking_database():
        raise ZeroDivisionError
    assert more_than(before) == {"error database": 1}
