"""One connected agent that is behind: what it is told, and how its lag is counted."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from coordinator.agent_connection import FAR_BEHIND, AgentConnection
from coordinator.agent_messages import Ack, Heartbeat
from coordinator.fanout import FANOUT, Push
from coordinator.metrics import ACKNOWLEDGED_SECONDS
from tests.coordinator.sockets import Portal, Wire, eventually, open_wire
from tests.coordinator.test_agent_connection import greeted, portal, push_interval

__all__ = ["portal", "push_interval"]


async def nothing_to_answer(*_: Any) -> dict[str, Any]:
    """In place of a heartbeat's answer."""
    return {}


async def test_another_epoch_is_worked_out_anew(portal: Portal) -> None:
    wire = open_wire()
    connection = await greeted(wire)
    portal.epoch, portal.version = 2, 1
    connection.push(portal.push())
    await eventually(lambda: len(wire.sent) == 2)
    assert portal.asked == [(1, 1)]
    assert (wire.messages[1]["epoch"], wire.messages[1]["to"]) == (2, 2)


async def test_far_behind_an_empty_delta_comes_with_the_next_heartbeat_and_no_sooner(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AgentConnection, "_beat", nothing_to_answer)
    wire = open_wire()
    connection = await greeted(wire)
    FANOUT._note_settled(connection.loop, 1, 1 + FAR_BEHIND)
    await asyncio.sleep(0.01)
    assert len(wire.sent) == 1
    await connection.take(Heartbeat({}))
    await eventually(lambda: len(wire.sent) == 3)
    assert wire.messages[2] == {"type": "delta", "epoch": 1, "from": 1, "to": 1 + FAR_BEHIND}
    await connection.take(Heartbeat({}))
    await eventually(lambda: len(wire.sent) == 4)
    assert wire.messages[3] == {"type": "heartbeat_ack"}


async def test_a_little_behind_nothing_is_said(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AgentConnection, "_beat", nothing_to_answer)
    wire = open_wire()
    connection = await greeted(wire)
    FANOUT._note_settled(connection.loop, 1, FAR_BEHIND)
    await connection.take(Heartbeat({}))
    await asyncio.sleep(0.01)
    assert [message["type"] for message in wire.messages] == ["delta", "heartbeat_ack"]


def lags() -> tuple[float, float]:
    """How many were counted, and their seconds in all."""
    (family,) = ACKNOWLEDGED_SECONDS.collect()
    found = {sample.name.rpartition("_")[2]: sample.value for sample in family.samples}
    return found["count"], found["sum"]


def changed(push: Push, seconds: float) -> Push:
    """A push of a change that was made ``seconds`` ago."""
    return dataclasses.replace(push, changed_at=timezone.now() - timedelta(seconds=seconds))


async def test_the_lag_of_what_was_pushed_counts_once_it_is_acknowledged(portal: Portal) -> None:
    wire = open_wire()
    connection = await greeted(wire)
    before = lags()
    connection.push(changed(portal.push(), 100))
    await eventually(lambda: len(wire.sent) == 2)
    assert lags() == before
    for _ in range(2):
        await connection.take(Ack(1, 2))
    count, seconds = lags()
    assert count == before[0] + 1
    assert 100 <= seconds - before[1] < 140


async def test_what_waited_together_counts_from_the_first_change_on(portal: Portal) -> None:
    wire = Wire()
    connection = await greeted(wire)
    connection.push(changed(portal.push(), 1000))
    connection.push(changed(portal.push(), 10))
    wire.is_open.set()
    await eventually(lambda: len(wire.sent) == 2)
    before = lags()
    await connection.take(Ack(1, 3))
    assert lags()[0] == before[0] + 1
    assert lags()[1] - before[1] >= 1000


async def test_answers_to_hello_and_empty_deltas_have_no_lag(portal: Portal) -> None:
    wire = open_wire()
    connection = await greeted(wire)
    before = lags()
    await connection.take(Ack(1, 1))
    connection._news.add_nothing(FAR_BEHIND + 1, least=FAR_BEHIND)
    connection._wake()
    await eventually(lambda: len(wire.sent) == 2)
    await connection.take(Ack(1, FAR_BEHIND + 1))
    assert lags() == before
