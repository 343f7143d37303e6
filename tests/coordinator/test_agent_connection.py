"""One connected agent: frames, pace and bounds, with readers that drain, do not drain, or never acknowledge."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from coordinator import agent_connection, news
from coordinator.agent_connection import MAX_WAITING, AgentConnection
from coordinator.agent_messages import Ack
from coordinator.fanout import CLOSE_OVERLOADED, CLOSE_SILENT, Push
from coordinator.frames import Body
from coordinator.outlet import UNREAD_LIMIT
from coordinator.telling import Telling
from tests.coordinator.sockets import Portal, Wire, connect, eventually, open_wire


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Portal:
    made = Portal()
    monkeypatch.setattr(news, "first_telling", made.first_telling)
    monkeypatch.setattr(news, "catch_up", made.catch_up)
    return made


@pytest.fixture(autouse=True)
def push_interval(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """No pause between pushes, but where a test asks for one."""
    network = settings.GHOSTWIRE.network.model_copy(
        update={"push_interval": timedelta(seconds=getattr(request, "param", 0.0))}
    )
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"network": network}))


async def greeted(wire: Wire, **of: Any) -> AgentConnection:
    """A connection whose agent was told its map."""
    connection = connect(wire, **of)
    await connection.greet(None)
    await eventually(lambda: len(wire.sent) == 1)
    return connection


async def test_a_push_leaves_as_it_is(portal: Portal) -> None:
    wire = open_wire()
    connection = await greeted(wire)
    connection.push(portal.push())
    await eventually(lambda: len(wire.sent) == 2)
    assert wire.messages[1] == {"type": "delta", "epoch": 1, "from": 1, "to": 2, "change": 1}


@pytest.mark.parametrize("further", [0, 1], ids=["up to there", "beyond it"])
async def test_pushes_that_a_catch_up_overtakes_lead_nobody_back(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, further: int
) -> None:
    """They come while it is worked out, which may be from a state that holds them already."""
    wire = open_wire()
    connection = await greeted(wire)
    loop, catch_up, ready = asyncio.get_running_loop(), portal.catch_up, threading.Event()

    def overtaken(audience: Any, epoch: int, version: int | None) -> Telling:
        if not ready.is_set():
            late = portal.push()  # 2 to 3
            portal.version += 1  # the state is at 4 when it is read
            telling = catch_up(audience, epoch, version)
            wider = Push(1, late.start, late.to + 1 + further, late.body) if further else late
            loop.call_soon_threadsafe(connection.push, wider)
            loop.call_soon_threadsafe(ready.set)
            assert ready.wait(30)
            portal.version += further
            return telling
        return catch_up(audience, epoch, version)

    monkeypatch.setattr(news, "catch_up", overtaken)
    connection.push(Push(1, 1, 2, None))
    portal.version = 2
    await eventually(lambda: len(wire.sent) >= 2 + further)
    connection.push(portal.push())
    await eventually(lambda: len(wire.sent) >= 3 + further)
    told = [(message["from"], message["to"]) for message in wire.messages[1:]]
    assert told == ([(1, 4), (4, 5), (5, 6)] if further else [(1, 4), (4, 5)])


async def test_versions_that_the_node_cannot_see_are_skipped_over(portal: Portal) -> None:
    wire = open_wire()
    connection = await greeted(wire)
    portal.version = 40
    connection.push(portal.push())
    await eventually(lambda: len(wire.sent) == 2)
    assert (wire.messages[1]["from"], wire.messages[1]["to"]) == (1, 41)
    assert portal.asked == []


async def test_what_was_missed_is_worked_out_from_the_last_version_without_anything_to_see(portal: Portal) -> None:
    """The version that was sent last may be long gone from memory."""
    wire = open_wire()
    connection = await greeted(wire)
    portal.version = 400
    connection.push(Push(1, 400, 401, None))
    portal.version = 401
    await eventually(lambda: len(wire.sent) == 2)
    assert portal.asked == [(1, 400)]
    assert (wire.messages[1]["from"], wire.messages[1]["to"]) == (1, 401)


async def test_a_push_twice_or_late_says_nothing_new(portal: Portal) -> None:
    wire = open_wire()
    connection = await greeted(wire)
    first, second = portal.push(), portal.push()
    for push in (first, first):
        connection.push(push)
        await eventually(lambda: len(wire.sent) == 2)
    connection.push(second)
    await eventually(lambda: len(wire.sent) == 3)
    connection.push(first)
    await asyncio.sleep(0)
    assert [message["to"] for message in wire.messages] == [1, 2, 3]


async def test_a_reader_that_does_not_drain_costs_no_more_than_one_push(portal: Portal) -> None:
    class Counted(Body):
        pass

    wire = Wire()
    connection = await greeted(wire)
    bodies: weakref.WeakSet[Counted] = weakref.WeakSet()
    for _ in range(500):
        push = portal.push()
        counted = Counted(b'"change":"' + b"x" * 10_000 + b'"')
        bodies.add(counted)
        connection.push(Push(1, push.start, push.to, counted))
        del counted
        await asyncio.sleep(0)
    gc.collect()
    assert len(bodies) <= 1
    assert len(wire.sent) == 1


async def test_once_it_drains_one_delta_brings_all_that_was_missed(portal: Portal) -> None:
    wire = Wire()
    connection = await greeted(wire)
    for _ in range(500):
        connection.push(portal.push())
    wire.is_open.set()
    await eventually(lambda: len(wire.sent) == 2)
    await asyncio.sleep(0.01)
    assert [(message["from"], message["to"]) for message in wire.messages] == [(0, 1), (1, 501)]
    assert portal.asked == [(1, 1)]


async def test_a_reader_that_does_not_drain_is_cut_off_after_three_heartbeats(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_connection, "CLOSE_SECONDS", 0.01)
    cut: list[Any] = []
    monkeypatch.setattr(agent_connection, "cut", cut.append)
    wire, over = Wire(), asyncio.Event()
    connection = await greeted(wire, heartbeat_seconds=0.05, on_end=over.set)
    async with asyncio.timeout(30):
        while not over.is_set():
            connection._heard = connection.loop.time()  # it goes on sending heartbeats
            await asyncio.sleep(0.005)
    assert cut == [wire.send]
    assert connection._code == CLOSE_OVERLOADED
    assert connection.is_over


async def test_an_agent_that_says_nothing_for_three_heartbeats_is_closed(portal: Portal) -> None:
    wire = open_wire()
    await greeted(wire, heartbeat_seconds=0.05)
    await eventually(lambda: wire.code is not None)
    assert wire.code == CLOSE_SILENT
    assert wire.times[-1] - wire.times[0] >= 0.14


async def test_answers_in_line_are_bounded(portal: Portal) -> None:
    wire = Wire()
    connection = await greeted(wire)
    for _ in range(10 * MAX_WAITING):
        connection.say("{}")
    assert len(connection._waiting) <= MAX_WAITING
    wire.is_open.set()
    await eventually(lambda: wire.code is not None)
    assert wire.code == CLOSE_OVERLOADED


async def test_a_server_that_never_waits_is_handed_no_more_than_a_mebibyte_unread(portal: Portal) -> None:
    wire = open_wire()
    connection = await greeted(wire)
    members = b'"change":"' + b"x" * 50_000 + b'"'
    for _ in range(100):
        connection.push(portal.push(members))
        await asyncio.sleep(0.001)
    handed_over = sum(len(event["text"]) for event in wire.sent)
    assert UNREAD_LIMIT <= handed_over <= 1024 * 1024


async def test_an_acknowledgement_opens_the_way_again(portal: Portal) -> None:
    wire = open_wire()
    connection = await greeted(wire)
    members = b'"change":"' + b"x" * 50_000 + b'"'
    for _ in range(100):
        connection.push(portal.push(members))
        await asyncio.sleep(0.001)
    stopped_at = wire.messages[-1]["to"]
    assert stopped_at < portal.version
    await connection.take(Ack(1, stopped_at))
    await eventually(lambda: wire.messages[-1]["to"] == portal.version)
    assert wire.messages[-1] == {
        "type": "delta", "epoch": 1, "from": stopped_at, "to": portal.version, "missed": 1
    }  # fmt: skip


async def test_a_version_that_nobody_told_is_not_acknowledged(portal: Portal) -> None:
    wire = open_wire()
    connection = await greeted(wire)
    members = b'"change":"' + b"x" * 50_000 + b'"'
    for _ in range(100):
        connection.push(portal.push(members))
        await asyncio.sleep(0.001)
    sent = len(wire.sent)
    await connection.take(Ack(1, 10_000))
    await asyncio.sleep(0.01)
    assert len(wire.sent) == sent


async def test_who_never_acknowledges_what_fills_its_socket_is_closed(portal: Portal) -> None:
    wire = open_wire()
    connection = await greeted(wire, heartbeat_seconds=0.05)
    members = b'"change":"' + b"x" * 500_000 + b'"'
    async with asyncio.timeout(30):
        while wire.code is None:
            connection._heard = connection.loop.time()
            connection.push(portal.push(members))
            await asyncio.sleep(0.005)
    assert wire.code == CLOSE_OVERLOADED


@pytest.mark.parametrize("push_interval", [0.1], indirect=True)
async def test_at_most_one_frame_leaves_per_push_interval(portal: Portal) -> None:
    wire = open_wire()
    connection = await greeted(wire)
    for _ in range(30):
        connection.push(portal.push())
        await asyncio.sleep(0.01)
    await eventually(lambda: wire.messages[-1]["to"] == portal.version)
    gaps = [later - earlier for earlier, later in zip(wire.times, wire.times[1:], strict=False)]
    assert min(gaps) >= 0.099
    assert len(wire.sent) < 30
