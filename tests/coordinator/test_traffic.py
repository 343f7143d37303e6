"""Traffic from heartbeats to hours in the database, and what is told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from coordinator import traffic
from coordinator.tail import TAIL
from coordinator.traffic import KEPT, TRAFFIC, Traffic, read_traffic
from mesh.errors import ValidationError
from mesh.traffic import MAX_BYTES, Totals
from nodes.models import Change, Node, TrafficHour, TrafficTotal
from nodes.selectors.traffic import traffic_by_hour
from nodes.services.traffic import forget_traffic, write_traffic
from sessions_app.models import User
from tests.agents import Machine
from tests.factories import NodeFactory
from tests.fixtures import START, Clock, Join

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def web(join: Join, ana: User, clock: Clock) -> Machine:
    return join(ana, "web")


def hours_of(node_id: int) -> dict[Any, tuple[int, int]]:
    rows = TrafficHour.objects.filter(node_id=node_id)
    return {hour: (rx, tx) for hour, rx, tx in rows.values_list("hour", "rx_bytes", "tx_bytes")}


def at(minutes: float, rx: int, tx: int, counter: str = "a") -> Totals:
    return Totals(counter, rx, tx, START + timedelta(minutes=minutes))


def test_heartbeats_become_hours_in_batches(web: Machine, clock: Clock) -> None:
    node_id, changes = web.node.pk, Change.objects.count()
    for minutes, rx in ((5, 100), (10, 250), (10, 250), (55, 700)):
        clock.advance(minutes=minutes)
        assert web.heartbeat(traffic={"counter": "a", "rx_bytes": rx, "tx_bytes": 7}).status_code == 200
    assert not TrafficHour.objects.exists()
    TRAFFIC.flush()
    found = hours_of(node_id)
    assert (sum(rx for rx, _ in found.values()), sum(tx for _, tx in found.values())) == (700, 7)
    assert set(found) == {START, START + HOUR}
    assert Change.objects.count() == changes


def test_a_heartbeat_with_traffic_costs_no_query(web: Machine, clock: Clock) -> None:
    web.heartbeat()
    TAIL.turn()
    web.heartbeat()
    for rx in (1, 2):
        clock.advance(seconds=30)
        TAIL.turn()
        with CaptureQueriesContext(connection) as captured:
            web.heartbeat(traffic={"counter": "a", "rx_bytes": rx, "tx_bytes": 0})
    assert len(captured) == 0


def test_a_refused_heartbeat_counts_for_nothing(web: Machine, clock: Clock) -> None:
    clock.advance(seconds=30)
    told = {"rx_bytes": 5, "tx_bytes": 5}
    assert web.heartbeat(traffic=told, posture={"x": "y" * 9999}).status_code == 400
    TRAFFIC.flush()
    assert not TrafficHour.objects.exists()


@pytest.mark.parametrize("told", [{}, {"7": {"received": 1}}, {"counter": 7}])
def test_other_members_are_passed_over(told: dict[str, Any]) -> None:
    assert read_traffic(told, START) is None


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"rx_bytes": 1}, "tx_bytes"),
        ({"tx_bytes": 1}, "rx_bytes"),
        ({"rx_bytes": -1, "tx_bytes": 1}, "rx_bytes"),
        ({"rx_bytes": 1.5, "tx_bytes": 1}, "rx_bytes"),
        ({"rx_bytes": True, "tx_bytes": 1}, "rx_bytes"),
        ({"rx_bytes": 1, "tx_bytes": MAX_BYTES + 1}, "tx_bytes"),
        ({"rx_bytes": 1, "tx_bytes": 1, "counter": 7}, "counter"),
        ({"rx_bytes": 1, "tx_bytes": 1, "counter": "x" * 65}, "counter"),
        ({"rx_bytes": 1, "tx_bytes": 1, "counter": "a\nb"}, "counter"),
    ],
)
def test_what_is_refused(told: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as error:
        read_traffic(told, START)
    assert [item.field for item in error.value.errors] == [f"traffic.{field}"]


def test_reports_of_two_workers_count_once() -> None:
    node = NodeFactory()
    write_traffic(reports={node.pk: [at(5, 100, 10)]})
    write_traffic(reports={node.pk: [at(5, 100, 10), at(10, 150, 20)]})
    write_traffic(reports={node.pk: [at(10, 150, 20)]})
    write_traffic(reports={node.pk: [at(15, 20, 1, "b")]})
    assert hours_of(node.pk) == {START: (170, 21)}
    total = TrafficTotal.objects.get()
    assert (total.counter, total.rx_bytes, total.tx_bytes, total.told_at) == ("b", 20, 1, START + timedelta(minutes=15))


def test_many_nodes_take_a_handful_of_statements() -> None:
    nodes = NodeFactory.create_batch(30)
    with CaptureQueriesContext(connection) as captured:
        assert write_traffic(reports={node.pk: [at(5, node.pk, 1)] for node in nodes}) == 30
    assert len(captured) <= 8
    assert {node.pk: {START: (node.pk, 1)} for node in nodes} == {node.pk: hours_of(node.pk) for node in nodes}


def test_nodes_that_are_gone_are_passed_over() -> None:
    node = NodeFactory()
    assert write_traffic(reports={node.pk: [at(5, 1, 1)], node.pk + 99: [at(5, 1, 1)]}) == 1
    assert write_traffic(reports={}) == 0
    Node.objects.all().delete()
    assert not TrafficHour.objects.exists()


def test_an_hour_holds_only_so_much() -> None:
    node = NodeFactory()
    for number in range(3):
        write_traffic(reports={node.pk: [at(number, MAX_BYTES, MAX_BYTES, str(number))]})
    assert hours_of(node.pk) == {START: (MAX_BYTES, MAX_BYTES)}


def test_what_could_not_be_written_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    node, collected = NodeFactory(), Traffic()
    collected.note(node.pk, at(5, 100, 10))

    def away(**_: Any) -> int:
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(traffic, "write_traffic", away)
        with pytest.raises(OperationalError):
            collected.flush()
    collected.note(node.pk, at(6, 120, 12))
    collected.flush()
    assert hours_of(node.pk) == {START: (120, 12)}


def test_memory_is_bounded() -> None:
    collected = Traffic()
    for number in range(50):
        collected.note(1, at(number, 1, 1, str(number)))
    assert len(collected._told[1]) == KEPT


def test_retention() -> None:
    node = NodeFactory()
    for hours in range(4):
        TrafficHour.objects.create(node=node, hour=START - hours * HOUR, rx_bytes=1, tx_bytes=1)
    assert forget_traffic(before=START - HOUR, limit=1) == 1
    assert forget_traffic(before=START - HOUR) == 1
    assert set(hours_of(node.pk)) == {START, START - HOUR}


def test_hours_without_gaps() -> None:
    node, other = NodeFactory(), NodeFactory()
    TrafficHour.objects.create(node=node, hour=START - 2 * HOUR, rx_bytes=5, tx_bytes=6)
    TrafficHour.objects.create(node=node, hour=START - 9 * HOUR, rx_bytes=1, tx_bytes=1)
    TrafficHour.objects.create(node=other, hour=START, rx_bytes=1, tx_bytes=1)
    found = traffic_by_hour(node_id=node.pk, now=START + timedelta(minutes=59), hours=3)
    assert [(item.hour, item.rx_bytes, item.tx_bytes) for item in found] == [
        (START - 2 * HOUR, 5, 6), (START - HOUR, 0, 0), (START, 0, 0),
    ]  # fmt: skip
    assert len(traffic_by_hour(node_id=node.pk, now=START, hours=10**6)) == 31 * 24
