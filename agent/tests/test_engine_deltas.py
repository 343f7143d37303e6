"""Deltas over the socket: applied to the map that was told, and healed by a whole map where they do not fit."""

from __future__ import annotations

from typing import Any

import pytest

from agent.backend.dry_run import DryRunBackend
from agent.engine.phase import Phase
from agent.errors import BackendError
from agent.tests.answers import empty_map
from agent.tests.conftest import FrozenClock, MakeEngine, eventually
from agent.tests.deltas import delta
from agent.tests.portal import FakePortal
from agent.tests.test_netmap import peer


def hellos(portal: FakePortal) -> list[Any]:
    """What each hello said it had."""
    return [frame["since"] for frame in portal.frames if frame["type"] == "hello"]


async def test_a_delta_is_applied_and_acknowledged(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.say(delta(1, 2, domain="other.ghost"))
    await portal.until(lambda: {"type": "ack", "epoch": 1, "version": 2} in portal.frames)
    assert engine.maps.applied == (1, 2)
    assert engine.maps.raw is not None
    assert engine.maps.raw["domain"] == "other.ghost"


async def test_a_delta_from_elsewhere_is_healed_by_a_whole_map(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.say(delta(7, 8, domain="other.ghost"))
    await portal.until(lambda: portal.count("frame hello") == 2)
    await portal.until(lambda: portal.count("frame ack") == 2)
    assert engine.maps.applied == (1, 1)


async def test_a_delta_that_comes_twice_is_refused_the_second_time(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.say(delta(1, 2))
    await eventually(lambda: engine.maps.applied == (1, 2))
    portal.say(delta(1, 2))
    await portal.until(lambda: portal.count("frame hello") == 2)


async def test_hello_says_what_was_applied_before_the_connection_broke(
    make_engine: MakeEngine, portal: FakePortal
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.advance(domain="one.ghost")
    await eventually(lambda: engine.maps.applied == (1, 2))
    portal.close_sockets(1012)
    await portal.until(lambda: portal.count("frame hello") == 2)
    assert hellos(portal) == [None, "1.2"]


async def test_what_was_missed_comes_as_a_delta(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.socket = "refused"
    portal.answers["POST heartbeat"] = [(502, {}, {})] * 10000
    portal.close_sockets(1012)
    await portal.until(lambda: not portal.sockets)
    portal.advance(domain="one.ghost")
    portal.advance(peers=[], domain="two.ghost")
    portal.socket = "open"
    await eventually(lambda: engine.maps.applied == (1, 3))
    assert hellos(portal)[-1] == "1.1"
    assert engine.maps.raw is not None
    assert engine.maps.raw["domain"] == "two.ghost"
    await portal.until(lambda: {"type": "ack", "epoch": 1, "version": 3} in portal.frames)


async def test_an_empty_delta_moves_the_version_on_and_touches_nothing(
    make_engine: MakeEngine, portal: FakePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    applied: list[Any] = []
    monkeypatch.setattr("agent.tunnel.Tunnel.apply", lambda self, netmap: applied.append(netmap))
    portal.say(delta(1, 40))
    await portal.until(lambda: {"type": "ack", "epoch": 1, "version": 40} in portal.frames)
    assert engine.maps.applied == (1, 40)
    assert applied == []


async def test_a_delta_that_leads_back_is_refused(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.push(empty_map(engine.public_key, 1, version=5))
    await eventually(lambda: engine.maps.applied == (1, 5))
    portal.say(delta(5, 4))
    await portal.until(lambda: portal.count("frame hello") == 2)
    assert hellos(portal) == [None, None]
    assert engine.maps.applied == (1, 5)


@pytest.mark.parametrize(
    "members",
    [
        {"peers_changed": [{"id": 9, "endpoints": []}]},
        {"peers_removed": [9]},
        {"sets": {"12": {"add": {"users": [1]}}}},
        {"sets": {"12": None}},
        {"peers_added": 7},
        {"epoch": 2},
        {"from": None},
    ],
)
async def test_what_does_not_fit_is_refused_whole_and_a_whole_map_asked_for(
    make_engine: MakeEngine, portal: FakePortal, members: dict[str, Any]
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.say(delta(1, 2, domain="other.ghost") | members)
    await portal.until(lambda: portal.count("frame hello") == 2)
    assert hellos(portal) == [None, None]
    await portal.until(lambda: portal.count("frame ack") == 2)
    assert engine.maps.applied == (1, 1)
    assert engine.maps.raw is not None
    assert engine.maps.raw["domain"] == "test.ghost"


async def test_once_a_whole_map_came_deltas_are_asked_for_again(make_engine: MakeEngine, portal: FakePortal) -> None:
    make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.say(delta(7, 8))
    await portal.until(lambda: portal.count("frame ack") == 2)
    portal.close_sockets(1012)
    await portal.until(lambda: portal.count("frame hello") == 3)
    assert hellos(portal) == [None, None, "1.1"]


async def test_an_older_map_ends_the_socket_and_a_whole_one_is_asked_for(
    make_engine: MakeEngine, portal: FakePortal
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.push(empty_map(engine.public_key, 1, version=5))
    await eventually(lambda: engine.maps.applied == (1, 5))
    portal.push(empty_map(engine.public_key, 1, version=4))
    await portal.until(lambda: portal.count("frame hello") >= 2)
    assert hellos(portal)[1] is None
    assert engine.maps.applied == (1, 5)


async def test_a_later_epoch_may_count_from_the_beginning(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.push(empty_map(engine.public_key, 1, version=5))
    await eventually(lambda: engine.maps.applied == (1, 5))
    portal.push(empty_map(engine.public_key, 1, version=2) | {"epoch": 2})
    await portal.until(lambda: {"type": "ack", "epoch": 2, "version": 2} in portal.frames)


async def test_a_map_that_could_not_be_applied_is_not_acknowledged_and_no_delta_follows_on_it(
    make_engine: MakeEngine, portal: FakePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)

    def refuse(self: object, *_: object) -> None:
        raise BackendError("the kernel said no")

    with monkeypatch.context() as broken:
        broken.setattr(DryRunBackend, "set_peers", refuse, raising=False)
        broken.setattr("agent.tunnel.Tunnel.apply", refuse)
        portal.advance(domain="one.ghost")
        await eventually(lambda: engine.standing.phase is Phase.FAILED)
        portal.close_sockets(1012)
        await portal.until(lambda: portal.count("frame hello") == 2)
    assert hellos(portal) == [None, None]
    assert {"type": "ack", "epoch": 1, "version": 2} not in portal.frames


async def test_after_the_lease_was_over_the_map_is_asked_for_whole(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame heartbeat") >= 2)
    portal.socket = "refused"
    portal.answers["POST heartbeat"] = [(502, {}, {})] * 10000
    portal.close_sockets(1012)
    clock.pass_seconds(50000)
    await eventually(lambda: engine.standing.phase is Phase.LEASE_OVER)
    portal.socket = "open"
    await eventually(lambda: engine.maps.applied is not None)
    assert hellos(portal)[-1] is None


async def test_peers_and_sets_move_by_deltas(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.say(delta(1, 2, peers_added=[peer(2), peer(3)], sets={"12": {"put": SET | {"ids": [[2, 3]]}}}))
    portal.say(delta(2, 3, presence={"online": [], "offline": [{"at": "2026-03-01T12:00:00Z", "ids": [[3, 9]]}]}))
    portal.say(delta(3, 4, peers_removed=[2], sets={"12": {"remove": {"ids": [[2, 2]]}}}))
    await eventually(lambda: engine.maps.applied == (1, 4))
    assert engine.maps.raw is not None
    assert [(item["id"], item["online"]) for item in engine.maps.raw["peers"]] == [(3, False)]
    assert engine.maps.raw["sets"]["12"]["ids"] == [[3, 3]]


SET: dict[str, Any] = {"users": [], "tags": [], "ids": [], "prefixes": []}
