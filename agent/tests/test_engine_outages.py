"""Outages: a portal that is down, sockets that cannot be had, sessions and leases that end, and restarts."""

from __future__ import annotations

from agent.engine.phase import Phase
from agent.state import StateDir
from agent.tests.answers import empty_map
from agent.tests.conftest import FrozenClock, MakeEngine, eventually
from agent.tests.portal import FakePortal
from agent.tests.test_engine_conversation import running


async def test_the_tunnel_stays_while_the_portal_is_down(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.socket = "refused"
    portal.answers["POST heartbeat"] = [(502, {}, {})] * 50
    portal.close_sockets(1012)
    await portal.until(lambda: portal.count("POST heartbeat") >= 3)
    assert engine.standing.phase is Phase.RUNNING
    assert engine.maps.applied == (1, 1)


async def test_it_polls_where_the_socket_is_refused_and_fetches_the_map_when_the_version_moved(
    make_engine: MakeEngine, portal: FakePortal
) -> None:
    portal.socket = "broken"
    engine = make_engine()
    await running(engine)
    fetched = portal.count("GET netmap")
    portal.netmaps[1] = empty_map(engine.public_key, 1, version=2, domain="other.ghost")
    await portal.until(lambda: portal.count("GET netmap") > fetched)
    await eventually(lambda: engine.maps.applied == (1, 2))


async def test_polling_asks_with_an_etag_and_not_again_for_a_version_that_changed_nothing(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock
) -> None:
    portal.socket = "broken"
    engine = make_engine()
    await running(engine)
    portal.netmaps[1] = portal.netmaps[1] | {"version": 2}  # same map but for its version: 304
    seen = portal.count("POST heartbeat")
    await portal.until(lambda: portal.count("POST heartbeat") >= seen + 6)
    assert portal.count("GET netmap") == 2
    assert engine.maps.applied == (1, 1)


async def test_a_403_before_the_socket_opened_is_looked_into_over_rest(
    make_engine: MakeEngine, portal: FakePortal
) -> None:
    """Servers turn every refusal into 403: the token may be stale, which a proof mends."""
    make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.tokens.clear()
    portal.close_sockets(1012)
    await portal.until(lambda: portal.count("frame ack") == 2)
    assert portal.count("POST session") == 1
    assert portal.count("POST nodes/register") == 1


async def test_a_proxys_own_403_does_not_shut_the_node_out(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.socket = "refused"
    portal.answers["POST heartbeat"] = [(403, {"message": "blocked by proxy"}, {})] * 3
    portal.close_sockets(1012)
    await portal.until(lambda: portal.count("POST heartbeat") >= 4)
    assert engine.standing.phase is Phase.RUNNING


async def test_a_session_is_renewed_before_it_ends(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame heartbeat") >= 2)
    first = engine.membership.token
    portal.session_seconds = 10.0  # an ack says that little is left
    await portal.until(lambda: portal.count("POST session") >= 1)
    await eventually(lambda: engine.membership.token != first)
    assert len(portal.sockets) == 1
    assert portal.count("socket") == 1


async def test_the_lease_ends_with_all_peers_removed(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock
) -> None:
    portal.lease_seconds = 600
    engine = make_engine()
    await portal.until(lambda: portal.count("frame heartbeat") >= 2)
    portal.socket = "refused"
    portal.answers["POST heartbeat"] = [(502, {}, {})] * 10000
    portal.close_sockets(1012)
    await portal.until(lambda: portal.count("POST heartbeat") >= 1)
    clock.pass_seconds(599)
    assert engine.maps.applied == (1, 1)
    clock.pass_seconds(2)
    await running(engine, Phase.LEASE_OVER)
    assert engine.maps.applied is None


async def test_the_map_stands_again_after_the_lease_was_over(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame heartbeat") >= 2)
    portal.socket = "refused"
    portal.answers["POST heartbeat"] = [(502, {}, {})] * 10000
    portal.close_sockets(1012)
    await portal.until(lambda: portal.count("POST heartbeat") >= 1)
    clock.pass_seconds(50000)
    await running(engine, Phase.LEASE_OVER)
    portal.socket = "open"
    await running(engine)
    assert engine.maps.applied == (1, 1)


async def test_a_restarted_agent_takes_up_its_map_while_the_portal_is_down(
    make_engine: MakeEngine, portal: FakePortal, state: StateDir
) -> None:
    first = make_engine()
    await portal.until(lambda: portal.count("frame heartbeat") >= 2)
    first.lease.keep()
    portal.socket = "refused"
    portal.answers["POST heartbeat"] = [(502, {}, {})] * 10000
    second = make_engine(auth_key=None)
    await running(second)
    assert second.maps.applied == (1, 1)


async def test_a_map_of_another_boot_is_not_taken_up(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock
) -> None:
    first = make_engine()
    await portal.until(lambda: portal.count("frame heartbeat") >= 2)
    first.lease.keep()
    clock.boot_name = "boot-2"
    portal.socket = "refused"
    portal.answers["POST heartbeat"] = [(502, {}, {})] * 10000
    second = make_engine(auth_key=None)
    await portal.until(lambda: portal.count("POST heartbeat") >= 1)
    assert second.maps.applied is None
