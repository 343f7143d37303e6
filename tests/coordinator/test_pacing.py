"""Large maps and large frames hold up neither each other without end nor anything that is small."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from coordinator import fanout, news, pacing
from coordinator.fanout import Fanout, Push
from coordinator.frames import Body
from coordinator.pacing import LANE_WORKERS, LARGE_BYTES, gaining_many, has_large_map, in_lane
from coordinator.telling import Telling
from coordinator.threads import in_thread
from mesh.netmap.ids import id_set
from mesh.netmap.state import State
from mesh.steps import Touch
from tests.coordinator.sockets import Portal, connect, eventually, open_wire
from tests.coordinator.test_agent_connection import portal, push_interval
from tests.mesh.netmap.world import node, policy, rule, state_of

__all__ = ["portal", "push_interval"]


class SlowBuilder:
    """Builds deltas in the lane, and is not done with any before it is told to go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.at_work = 0
        self.most = 0
        self._lock = threading.Lock()

    def __call__(self, audience: Any, epoch: int, version: int | None) -> Telling:
        with self._lock:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
        self.go_on.wait(30)
        with self._lock:
            self.at_work -= 1
        return Telling(1, 2, True, start=version, members=b'"large":1')


async def test_small_frames_leave_while_large_ones_are_built(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = SlowBuilder()
    monkeypatch.setattr(news, "catch_up", builder)
    monkeypatch.setattr(news, "has_large_map", lambda state, node_id: node_id < 100)
    wires = {node_id: open_wire() for node_id in (*range(1, 41), *range(101, 141))}
    connections = {node_id: connect(wire, node_id) for node_id, wire in wires.items()}
    for connection in connections.values():
        await connection.greet(None)
    await eventually(lambda: all(len(wire.sent) == 1 for wire in wires.values()))

    for node_id, connection in connections.items():
        connection.push(Push(1, 1, 2, None if node_id < 100 else Body(b'"small":1')))
    await eventually(lambda: all(len(wire.sent) == 2 for node_id, wire in wires.items() if node_id > 100))
    assert all(len(wire.sent) == 1 for node_id, wire in wires.items() if node_id < 100)

    builder.go_on.set()
    await eventually(lambda: all(len(wire.sent) == 2 for wire in wires.values()))
    assert builder.most <= LANE_WORKERS


async def test_what_asks_the_database_does_not_wait_for_large_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = SlowBuilder()
    building = [asyncio.create_task(in_lane(builder, None, 1, 1)) for _ in range(20)]
    await eventually(lambda: builder.at_work == LANE_WORKERS)
    assert await asyncio.wait_for(in_thread(lambda: "answered"), 30) == "answered"
    builder.go_on.set()
    await asyncio.gather(*building)


async def test_of_large_frames_one_leaves_a_round(portal: Portal) -> None:
    """With 60 large frames to write, what becomes ready meanwhile leaves long before the last."""
    order: list[str] = []

    class Noting:
        def __init__(self, name: str) -> None:
            self.name = name

        async def send(self, event: dict[str, Any]) -> None:
            if '"first"' not in event["text"]:
                order.append(self.name)

    large = [connect(Noting("large"), node_id) for node_id in range(1, 61)]  # type: ignore[arg-type]
    small = [connect(Noting("small"), node_id) for node_id in range(101, 111)]  # type: ignore[arg-type]
    for connection in (*large, *small):
        await connection.greet(None)
    await eventually(lambda: all(connection._writer is None for connection in (*large, *small)))
    body = Body(b'"change":"' + b"x" * LARGE_BYTES + b'"')
    for connection in large:
        connection.push(Push(1, 1, 2, body))
    for connection in small:
        connection.push(Push(1, 1, 2, Body(b'"change":1')))
    await eventually(lambda: len(order) == 70)
    assert max(index for index, name in enumerate(order) if name == "small") < 20


def crowd(rules: Any) -> State:
    """Ten servers with a tag, and an administrator (node 20) with another."""
    servers = [node(number, user=None, tags=("tag:server",)) for number in range(1, 11)]
    return state_of([*servers, node(20, user=None, tags=("tag:admin",)), node(21, user=1)], rules)


SHUT = policy(rule(1, "tag:nobody", "tag:nobody"))
OPEN = policy(rule(1, "tag:admin", "tag:server"))


def test_those_who_come_to_see_many_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "LARGE_PEERS", 5)
    before, after = crowd(SHUT), crowd(OPEN)
    local = id_set(after, range(1, 22))
    assert set(gaining_many(before, after, Touch(policy=True), local)) == {20}
    assert set(gaining_many(after, before, Touch(policy=True), local)) == set()
    assert set(gaining_many(before, after, Touch(policy=True), id_set(after, [1, 2, 21]))) == set()


def test_a_change_of_one_node_is_no_gain_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "LARGE_PEERS", 5)
    before, after = crowd(SHUT), crowd(OPEN)
    local = id_set(after, range(1, 22))
    assert set(gaining_many(before, after, Touch(nodes={3}), local)) == set()
    assert set(gaining_many(before, after, Touch(nodes={20}), local)) == {20}


def test_a_map_of_many_peers_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "LARGE_PEERS", 5)
    assert has_large_map(crowd(OPEN), 20)
    assert not has_large_map(crowd(OPEN), 1)
    assert not has_large_map(None, 20)


class Deaf:
    """A connection that only notes what it is handed."""

    def __init__(self, node_id: int) -> None:
        self.audience = fanout.Audience(1, node_id, node_id)
        self.loop = asyncio.get_running_loop()
        self.pushes: list[Push] = []

    def push(self, push: Push) -> None:
        self.pushes.append(push)

    def close(self, code: int) -> None:
        self.pushes.clear()


async def test_the_fan_out_builds_no_body_for_those_who_gain_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "LARGE_PEERS", 5)
    before, after = crowd(SHUT), crowd(OPEN)
    hub, listeners = Fanout(), {node_id: Deaf(node_id) for node_id in (1, 20)}
    for listener in listeners.values():
        hub.add(listener)
    hub.deliver(before, after, Touch(policy=True))
    await eventually(lambda: all(listener.pushes for listener in listeners.values()))
    assert listeners[1].pushes[0].body is not None
    assert listeners[20].pushes[0].body is None
    assert hub.settled(1) == after.version
