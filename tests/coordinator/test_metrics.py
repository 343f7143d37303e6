"""Refused requests, messages and heartbeats are counted by the error's code, which is one of a few."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from prometheus_client.registry import Collector

from coordinator import agent_socket
from coordinator.agent_messages import error_frame
from coordinator.errors import problem
from coordinator.metrics import HEARTBEATS, REFUSALS
from mesh.errors import GhostWireError, NotFoundError, PayloadTooLargeError, ThrottledError
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import Clock, Join


def value(collector: Collector, name: str, **labels: str) -> float:
    found = (sample for metric in collector.collect() for sample in metric.samples)
    return next((sample.value for sample in found if (sample.name, sample.labels) == (name, labels)), 0.0)


def refused(way: str, code: str) -> float:
    return value(REFUSALS, "ghostwire_refusals_total", way=way, code=code)


def beats_refused(way: str, code: str) -> float:
    return value(HEARTBEATS, "ghostwire_heartbeats_refused_total", way=way, code=code)


def test_a_problem_counts_by_its_code() -> None:
    before = refused("request", "validation")
    problem(PayloadTooLargeError("x"))
    assert refused("request", "validation") == before + 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "code"), [("/api/v1/nothing", "not_found"), ("/api/v1/admin/nodes", "authentication")]
)
def test_a_call_that_is_refused_counts_once(client: Any, path: str, code: str) -> None:
    before = refused("request", code)
    assert client.get(path).json()["code"] == code
    assert refused("request", code) == before + 1


def test_a_refused_message_counts() -> None:
    before = refused("message", "not_found")
    error_frame(NotFoundError("x"))
    assert refused("message", "not_found") == before + 1


@pytest.mark.django_db
def test_a_heartbeat_refused_over_rest(join: Join, ana: User, clock: Clock) -> None:
    machine: Machine = join(ana, "web")
    before = beats_refused("rest", "validation"), refused("request", "validation")
    assert machine.heartbeat(endpoints=["127.0.0.1:1"]).status_code == 400
    assert (beats_refused("rest", "validation"), refused("request", "validation")) == (before[0] + 1, before[1] + 1)


class Refusing:
    """A connection that refuses every message."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.said: list[str] = []

    async def greet(self, since: str | None) -> None:
        return None

    async def take(self, message: Any) -> None:
        raise self.error

    def say(self, text: str) -> None:
        self.said.append(text)


async def say(connection: Any, *messages: dict[str, Any]) -> None:
    events = [{"type": "websocket.receive", "text": orjson.dumps(message).decode()} for message in messages]
    events.append({"type": "websocket.disconnect"})

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    await agent_socket._read(receive, connection, None)


@pytest.mark.parametrize(
    ("error", "code"), [(ThrottledError("x", retry_after=1), "throttled"), (ZeroDivisionError(), "internal")]
)
async def test_a_heartbeat_refused_over_a_socket(error: Exception, code: str) -> None:
    before = beats_refused("socket", code), refused("message", code)
    connection = Refusing(error)
    await say(connection, {"type": "heartbeat"})
    assert (beats_refused("socket", code), refused("message", code)) == (before[0] + 1, before[1] + 1)
    assert len(connection.said) == 1


async def test_other_refused_messages_are_no_heartbeats() -> None:
    before = beats_refused("socket", "not_found")
    await say(Refusing(NotFoundError("x")), {"type": "endpoints", "endpoints": []}, {"type": "heartbeat", "type2": 1})
    assert beats_refused("socket", "not_found") == before + 1


def test_codes_are_few() -> None:
    def family(kind: type[GhostWireError]) -> set[str]:
        others = ("agent", "tests")
        ours = [child for child in kind.__subclasses__() if child.__module__.partition(".")[0] not in others]
        return {kind.code}.union(*map(family, ours))

    assert len(family(GhostWireError)) <= 16
