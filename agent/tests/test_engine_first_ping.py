"""The first ping: whom it goes to, how often, and that the portal hears of it soon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from types import SimpleNamespace
from typing import Any

import pytest

from agent.engine.first_ping import Answer, FirstPing
from agent.engine.reports import Report
from agent.errors import BackendError
from agent.netmap import Endpoint, Peer
from agent.tests.conftest import FrozenClock, MakeEngine
from agent.tests.portal import FakePortal


def peer(number: int, *, online: bool = True, known: bool = True) -> Peer:
    address = ip_network(f"10.1.0.{number}/32")
    return Peer(
        id=number,
        name=f"n-{number}",
        key=f"key-{number}",
        user=1,
        tags=frozenset(),
        addresses=(address,),
        allowed_ips=(address,),
        exit_node=False,
        endpoints=(Endpoint(ip_address(f"203.0.113.{number}"), 51820),) if known else (),
        online=online,
        last_seen=None,
        key_expires_at=None,
    )


@dataclass
class FakeWorker:
    """A tunnel with peers, used where it is."""

    peers: tuple[Peer, ...] = ()
    tunnel: Any = field(init=False)

    def __post_init__(self) -> None:
        self.tunnel = SimpleNamespace(in_force=self.peers, config=SimpleNamespace(interface="gw0"))

    async def use(self, act: Callable[[Any], Any]) -> Any:
        return act(self.tunnel)


def first(low: float, high: float) -> float:
    """Chance that begins with the first peer."""
    return low


def pinging(
    *peers: Peer, answers: dict[str, float] | None = None, uniform: Callable[[float, float], float] = first
) -> tuple[FirstPing, list[str], list[None]]:
    """One who pings ``peers``; whom it asked, and how often it told."""
    asked: list[str] = []
    told: list[None] = []

    def ping(interface: str, address: str) -> float | None:
        assert interface == "gw0"
        asked.append(address)
        return (answers or {}).get(address)

    worker: Any = FakeWorker(peers)
    pings = FirstPing(worker, sleep=asyncio.sleep, uniform=uniform, told=lambda: told.append(None), ping=ping)
    return pings, asked, told


async def test_peers_are_asked_in_turn_until_one_answers() -> None:
    pings, asked, told = pinging(peer(2), peer(3), peer(4), answers={"10.1.0.3": 0.00321})
    for _ in range(3):
        await pings.once()
    assert asked == ["10.1.0.2", "10.1.0.3"]
    assert pings.answer == Answer(3, 3.2)
    assert pings.member() == {"first_ping": {"peer_id": 3, "milliseconds": 3.2}}
    assert len(told) == 1


async def test_who_is_away_or_nowhere_is_not_asked() -> None:
    pings, asked, _ = pinging(peer(2, online=False), peer(3, known=False))
    await pings.once()
    assert asked == []
    assert pings.member() == {}


async def test_looking_for_somebody_gets_rarer_but_not_before_the_first_peer() -> None:
    pings, _, _ = pinging(peer(2, online=False))
    assert [await pings.once() for _ in range(6)] == [2, 4, 8, 15, 15, 15]
    pings._worker.tunnel.in_force = (peer(2),)  # type: ignore[union-attr]
    assert [await pings.once() for _ in range(2)] == [1, 2]
    pings._worker.tunnel.in_force = ()  # type: ignore[union-attr]
    assert [await pings.once() for _ in range(3)] == [1, 1, 1]
    pings._worker.tunnel = None
    assert [await pings.once() for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(("chance", "begins"), [(0.0, 2), (0.5, 4), (0.99, 5), (1.0, 2)])
async def test_chance_says_with_whom_it_begins(chance: float, begins: int) -> None:
    pings, asked, _ = pinging(*map(peer, (2, 3, 4, 5)), uniform=lambda low, high: low + chance * (high - low))
    for _ in range(5):
        await pings.once()
    assert asked[0] == f"10.1.0.{begins}"
    assert len(set(asked)) == 4


async def test_it_gets_rarer_and_begins_anew_with_a_newcomer() -> None:
    pings, asked, _ = pinging(peer(2), peer(3))
    assert [await pings.once() for _ in range(7)] == [1, 1, 2, 2, 4, 4, 8]
    pings._worker.tunnel.in_force = (peer(2), peer(3), peer(4))  # type: ignore[union-attr]
    assert [await pings.once() for _ in range(2)] == [1, 1]
    assert len(asked) == 7


async def test_a_machine_that_cannot_send_goes_on() -> None:
    def ping(interface: str, address: str) -> float | None:
        raise BackendError("Pings need root.")

    worker: Any = FakeWorker((peer(2),))
    pings = FirstPing(worker, sleep=asyncio.sleep, uniform=first, told=lambda: None, ping=ping)
    assert [await pings.once() for _ in range(2)] == [1, 2]
    assert pings.answer is None


@pytest.mark.parametrize("socket", ["open", "refused"])
async def test_the_portal_is_told_with_the_next_heartbeat(
    make_engine: MakeEngine, portal: FakePortal, socket: str
) -> None:
    portal.socket = socket
    engine = make_engine()
    calls = ("frame heartbeat", "POST heartbeat")
    await portal.until(lambda: sum(map(portal.count, calls)) >= 1)
    engine._first_ping.answer = Answer(7, 3.2)
    engine._beat_soon()
    told = {"first_ping": {"peer_id": 7, "milliseconds": 3.2}}
    await portal.until(lambda: any(call in calls and what.get("traffic") == told for call, what in portal.calls))


async def test_a_heartbeat_that_told_the_news_is_followed_by_no_other(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine._beat_soon()
    await engine.news()
    assert not engine._rhythm._news.is_set()


async def test_news_while_a_heartbeat_is_made_are_worth_another(make_engine: MakeEngine) -> None:
    engine = make_engine()
    await engine.news()
    engine._beat_soon()
    assert engine._rhythm._news.is_set()


def test_a_report_with_news_does_not_wait_for_its_time() -> None:
    told = {"rx_bytes": 1}
    report = Report("traffic", FrozenClock(), lambda: dict(told), every=300.0)
    assert report.take() == {"traffic": {"rx_bytes": 1}}
    report.accepted()
    told["rx_bytes"] = 2
    assert report.take() == {}
    report.hurry()
    assert report.take() == {"traffic": {"rx_bytes": 2}}
