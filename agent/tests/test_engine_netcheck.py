"""Latencies: measured when there is something to measure, told in heartbeats, and shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate  # type: ignore[import-untyped]

import agent
from agent.cli import netcheck as verb
from agent.engine.netcheck import EVERY_SECONDS, Netcheck
from agent.netmap import Endpoint
from agent.relays import RelayServer
from agent.stun import Measured
from agent.tests.answers import empty_map
from agent.tests.conftest import FrozenClock, MakeEngine, Naps, eventually
from agent.tests.portal import FakePortal
from agent.tests.relay import derp_map, stun_server

SCHEMA = json.loads((Path(agent.__file__).parent / "schemas" / "netcheck-v1.json").read_text(encoding="utf-8"))


class Ways:
    """Stands in for measuring: what each STUN port answers in milliseconds."""

    def __init__(self, **ports: float) -> None:
        self.ms = {int(port.removeprefix("p")): ms for port, ms in ports.items()}
        self.asked = 0

    async def __call__(self, servers: Sequence[RelayServer]) -> Measured:
        self.asked += 1
        found = {server: self.ms[server.stun_port] for server in servers if server.stun_port in self.ms}
        return Measured(found, ipv4=Endpoint(ip_address("198.51.100.7"), 40000) if found else None)


def netcheck_of(netmap: dict[str, Any] | None, ways: Ways, clock: FrozenClock, naps: Naps) -> Netcheck:
    return Netcheck(lambda: netmap, clock=clock, sleep=naps, uniform=lambda low, high: low, measure=ways)


async def test_the_least_of_a_region_s_servers(clock: FrozenClock, naps: Naps) -> None:
    netmap = {"derp_map": derp_map((3, 1), (4, 2), (5, 9))}
    netmap["derp_map"]["regions"]["3"]["nodes"].append({"name": "b", "host": "b.invalid", "stun_port": 3})
    netcheck = netcheck_of(netmap, Ways(p1=30.0, p2=20.0, p3=25.5), clock, naps)
    await netcheck.once()
    assert netcheck.latencies() == {"3": 25.5, "4": 20.0}


@pytest.mark.parametrize(("second", "told"), [(21.5, 20.0), (22.1, 22.1), (17.9, 17.9), (18.0, 20.0)])
async def test_a_latency_that_hardly_moved_stays_as_it_was_told(
    clock: FrozenClock, naps: Naps, second: float, told: float
) -> None:
    ways = Ways(p1=20.0)
    netcheck = netcheck_of({"derp_map": derp_map((3, 1))}, ways, clock, naps)
    await netcheck.once()
    ways.ms[1] = second
    await netcheck.once()
    assert netcheck.latencies() == {"3": told}


async def test_what_answers_no_more_is_not_told(clock: FrozenClock, naps: Naps) -> None:
    ways = Ways(p1=20.0, p2=30.0)
    netcheck = netcheck_of({"derp_map": derp_map((3, 1), (4, 2))}, ways, clock, naps)
    await netcheck.once()
    del ways.ms[1]
    await netcheck.once()
    assert netcheck.latencies() == {"4": 30.0}


async def test_measured_now_and_then_and_when_regions_change(clock: FrozenClock, naps: Naps) -> None:
    ways = Ways(p1=20.0, p2=30.0)
    netmap: dict[str, Any] = {"derp_map": derp_map((3, 1))}
    netcheck = netcheck_of(netmap, ways, clock, naps)
    running = asyncio.create_task(netcheck.run())
    try:
        await eventually(lambda: ways.asked == 1)
        slept = len(naps.asked)
        await eventually(lambda: len(naps.asked) > slept + 3)
        assert ways.asked == 1
        clock.pass_seconds(EVERY_SECONDS * 0.8)
        await eventually(lambda: ways.asked == 2)
        netmap["derp_map"] = derp_map((3, 1), (4, 2))
        await eventually(lambda: ways.asked == 3)
        assert netcheck.latencies() == {"3": 20.0, "4": 30.0}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_nothing_is_sent_without_relays(clock: FrozenClock, naps: Naps) -> None:
    ways = Ways()
    shown = await netcheck_of(None, ways, clock, naps).once()
    assert (ways.asked, shown["regions"], shown["udp"]) == (0, [], False)


async def test_heartbeats_tell_latencies(portal: FakePortal, make_engine: MakeEngine) -> None:
    async with stun_server() as near:
        engine = make_engine()
        await portal.until(lambda: portal.count("frame ack") > 0)
        portal.push(empty_map(engine.public_key, 1) | {"version": 8, "derp_map": derp_map((3, near.port))})
        await portal.until(lambda: bool(reports(portal)))
        assert list(reports(portal)[0]) == ["3"]
        assert 0 <= reports(portal)[0]["3"] < 1500


def reports(portal: FakePortal) -> list[dict[str, float]]:
    return [
        what["relay_latency_ms"] for _, what in portal.calls if isinstance(what, dict) and "relay_latency_ms" in what
    ]


ANSWERED = Ways(p1=30.5, p2=20.0)
NETMAP = {"derp_map": derp_map((3, 1), (4, 2)), "node": {"home_derp": 4}}


def run_verb(shown: dict[str, Any], patch: pytest.MonkeyPatch, **said: Any) -> int:
    patch.setattr("agent.control.call", lambda *_, **__: shown)
    return verb.netcheck({"state_dir": Path("/nowhere"), **said})


async def test_the_verb_for_people(
    clock: FrozenClock, naps: Naps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = await netcheck_of(NETMAP, ANSWERED, clock, naps).once()
    assert run_verb(shown, monkeypatch) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("works", "seen as 198.51.100.7:40000", "Region 3 (r3)", "30.5 ms", "home"))


async def test_the_verb_for_programs(
    clock: FrozenClock, naps: Naps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = await netcheck_of(NETMAP, ANSWERED, clock, naps).once()
    assert run_verb(shown, monkeypatch, json=True) == 0
    answer = json.loads(capsys.readouterr().out)
    validate(answer, SCHEMA)
    assert (answer["home"], [region["latency_ms"] for region in answer["regions"]]) == (4, [30.5, 20.0])


async def test_the_verb_where_no_udp_gets_through(
    clock: FrozenClock, naps: Naps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = await netcheck_of(NETMAP, Ways(), clock, naps).once()
    assert run_verb(shown, monkeypatch) == 1
    assert "no relay answers" in capsys.readouterr().out


async def test_the_verb_without_relays(
    clock: FrozenClock, naps: Naps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb(await netcheck_of(None, Ways(), clock, naps).once(), monkeypatch) == 0
    assert "no relays" in capsys.readouterr().out
