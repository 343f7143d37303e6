"""The conversation with the portal: who registers when, and what each end of it leads to."""

from __future__ import annotations

from typing import Any

import pytest

from agent.engine.core import Engine
from agent.engine.phase import Phase
from agent.tests.answers import empty_map, problem
from agent.tests.conftest import MakeEngine, Naps, eventually
from agent.tests.portal import FakePortal


async def running(engine: Engine, phase: Phase = Phase.RUNNING) -> None:
    await eventually(lambda: engine.standing.phase is phase)


async def test_registers_says_hello_applies_the_map_and_acknowledges_it(
    make_engine: MakeEngine, portal: FakePortal
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    assert portal.frames[0] == {"type": "hello", "since": None}
    assert {"type": "ack", "epoch": 1, "version": 1} in portal.frames
    assert engine.standing.phase is Phase.RUNNING


async def test_the_upgrade_offers_the_subprotocol_and_no_origin(make_engine: MakeEngine, portal: FakePortal) -> None:
    make_engine()
    await portal.until(lambda: portal.count("socket") == 1)
    headers = dict(portal.calls)["socket"]
    assert headers["sec-websocket-protocol"] == "ghostwire.v1+zstd, ghostwire.v1"
    assert "origin" not in headers


async def test_a_pushed_map_is_applied_and_acknowledged(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.push(empty_map(engine.public_key, 1, version=2))
    await portal.until(lambda: {"type": "ack", "epoch": 1, "version": 2} in portal.frames)


async def test_an_older_version_is_refused_and_the_newer_stays(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.push(empty_map(engine.public_key, 1, version=5))
    await portal.until(lambda: portal.count("frame ack") == 2)
    portal.push(empty_map(engine.public_key, 1, version=4))
    await eventually(lambda: "older" in engine.standing.reason)
    assert engine.maps.applied == (1, 5)


async def test_heartbeats_go_over_the_socket_at_the_portals_pace(
    make_engine: MakeEngine, portal: FakePortal, naps: Naps
) -> None:
    make_engine()
    await portal.until(lambda: portal.count("frame heartbeat") >= 3)
    assert portal.heartbeat_seconds in naps.asked


async def test_without_an_auth_key_nothing_is_asked_of_the_portal(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine(auth_key=None)
    await running(engine, Phase.NEEDS_LOGIN)
    assert portal.calls == []


async def test_a_refused_auth_key_is_not_tried_again(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine(auth_key="gwk_wrong")
    await running(engine, Phase.NEEDS_LOGIN)
    assert portal.count("POST nodes/register") == 1
    assert engine.membership.usable_key() is None


async def test_after_4401_a_proof_brings_a_new_session_without_a_registration(
    make_engine: MakeEngine, portal: FakePortal
) -> None:
    make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.close_sockets(4401)
    await portal.until(lambda: portal.count("frame ack") == 2)
    assert portal.count("POST session") == 1
    assert portal.count("POST nodes/register") == 1


async def test_a_node_that_the_portal_lost_registers_again_with_a_key_it_holds(
    make_engine: MakeEngine, portal: FakePortal
) -> None:
    make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.known.clear()
    portal.close_sockets(4401)
    await portal.until(lambda: portal.count("frame ack") == 2)
    assert portal.count("POST nodes/register") == 2


async def test_a_node_that_the_portal_lost_comes_down_without_a_key(
    make_engine: MakeEngine, portal: FakePortal
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.known.clear()
    engine.membership.auth_key = None
    portal.close_sockets(4401)
    await running(engine, Phase.NEEDS_LOGIN)
    assert engine.worker.tunnel is None


async def test_after_4403_it_cuts_its_peers_and_never_registers_by_itself(
    make_engine: MakeEngine, portal: FakePortal
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.known.clear()  # as if it were deleted: a session is refused with 401
    portal.close_sockets(4403)
    await running(engine, Phase.NEEDS_LOGIN)
    assert engine.maps.applied is None
    assert portal.count("POST nodes/register") == 1
    assert engine.membership.is_barred


async def test_a_disabled_node_asks_now_and_then_and_comes_back_when_it_is_enabled(
    make_engine: MakeEngine, portal: FakePortal, naps: Naps
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.session_refusal = (403, "This node is disabled.")
    portal.close_sockets(4403)
    await portal.until(lambda: portal.count("POST session") >= 3)
    assert engine.standing.phase is Phase.SHUT_OUT
    assert [nap for nap in naps.asked if nap >= 60][:3] == [75.0, 150.0, 300.0]
    portal.session_refusal = None
    await running(engine)
    assert not engine.membership.is_barred


async def test_a_person_brings_a_barred_node_back_with_a_key(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.known.clear()
    portal.close_sockets(4403)
    await running(engine, Phase.NEEDS_LOGIN)
    engine.login("gwk_test")
    await running(engine)
    assert portal.count("POST nodes/register") == 2


@pytest.mark.parametrize(("code", "least"), [(4409, 60.0), (4429, 30.0), (1013, 10.0), (1012, 1.0), (4408, 1.0)])
async def test_it_waits_as_long_as_the_close_code_asks_for(
    make_engine: MakeEngine, portal: FakePortal, naps: Naps, code: int, least: float
) -> None:
    make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.heartbeat_seconds = 0.07
    before = len(naps.asked)
    portal.close_sockets(code)
    await portal.until(lambda: portal.count("frame ack") == 2)
    waits = [nap for nap in naps.asked[before:] if nap not in (0.05, 0.07, 10.0)]
    assert max(waits) >= least


async def test_endpoints_that_the_portal_refuses_are_left_out_at_a_second_try(
    make_engine: MakeEngine, portal: FakePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.tunnel.Tunnel.endpoints", lambda self: ["10.77.0.9:1", "192.0.2.1:1"])
    refusal = problem("validation", "no", errors=[{"field": "endpoints.0", "message": "is a mesh address"}])
    portal.answers["POST nodes/register"] = [(400, refusal, {})]
    engine = make_engine()
    await running(engine)
    bodies = [body for call, body in portal.calls if call == "POST nodes/register"]
    assert [body["endpoints"] for body in bodies] == [["10.77.0.9:1", "192.0.2.1:1"], ["192.0.2.1:1"]]


async def test_retry_after_is_honoured_at_registration(make_engine: MakeEngine, portal: FakePortal, naps: Naps) -> None:
    portal.answers["POST nodes/challenge"] = [(429, problem("throttled", "slow down"), {"Retry-After": "17"})]
    engine = make_engine()
    await running(engine)
    assert max(nap for nap in naps.asked if nap != 10.0) >= 17


async def test_force_registers_although_there_is_a_session(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    engine.login("gwk_test", force=True)
    await portal.until(lambda: portal.count("frame ack") == 2)
    assert portal.count("POST nodes/register") == 2


async def test_routes_that_the_user_wishes_for_are_told_once(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine(routes=("192.168.4.0/24",))
    await portal.until(lambda: portal.count("PUT routes") == 1)
    portal.push(empty_map(engine.public_key, 1, version=2))
    await portal.until(lambda: portal.count("frame ack") == 2)
    assert portal.count("PUT routes") == 1
    sent: list[Any] = [body for call, body in portal.calls if call == "PUT routes"]
    assert sent == [{"routes": ["192.168.4.0/24"]}]


async def test_a_malformed_map_leaves_the_one_in_force(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.push(empty_map(engine.public_key, 1, version=2) | {"peers": [{"id": 1}]})
    await eventually(lambda: bool(engine.standing.reason))
    assert engine.maps.applied == (1, 1)
    assert len(portal.sockets) == 1


async def test_unknown_messages_and_members_are_passed_over(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.say({"type": "weather", "sunny": True})
    portal.push(empty_map(engine.public_key, 1, version=2, novelty={"a": 1}))
    await portal.until(lambda: portal.count("frame ack") == 2)


async def test_an_up_right_after_the_start_is_answered_with_what_came_of_it(
    make_engine: MakeEngine, portal: FakePortal
) -> None:
    """The engine may be just about to say that it needs a login."""
    engine = make_engine(auth_key=None)
    await eventually(lambda: engine.membership.usable_key() is None)
    engine.login("gwk_test")
    await engine.standing.settled()
    assert engine.standing.phase is Phase.RUNNING
