"""The posture goes to the portal after each start and whenever it changed, at the portal's pace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent import __version__
from agent.engine.reports import Report
from agent.facts import posture_facts, read_os_release, registration_facts, system_facts
from agent.settings import Settings
from agent.tests.answers import problem
from agent.tests.conftest import FrozenClock, MakeEngine
from agent.tests.portal import FakePortal

THROTTLED = {"code": "throttled", "detail": "Too many requests.", "retry_after": 20.0}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The facts of a machine that tests may change."""
    facts: dict[str, Any] = {"os": "linux", "kernel": "6.1"}
    monkeypatch.setattr("agent.engine.core.posture_facts", lambda: dict(facts))
    return facts


async def beats(portal: FakePortal, more: int = 3) -> None:
    """Wait for some more heartbeats, by whichever way."""
    calls = ("frame heartbeat", "POST heartbeat")
    until = sum(map(portal.count, calls)) + more
    await portal.until(lambda: sum(map(portal.count, calls)) >= until)


async def test_told_once_after_a_start_and_not_again(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock, machine: dict[str, Any]
) -> None:
    make_engine()
    await beats(portal)
    clock.pass_seconds(120)
    await beats(portal)
    assert portal.postures() == [machine]


async def test_a_node_that_is_known_tells_it_after_a_start_without_a_registration(
    make_engine: MakeEngine, portal: FakePortal, machine: dict[str, Any]
) -> None:
    make_engine()
    await beats(portal)
    portal.calls.clear()
    make_engine(auth_key=None)
    await portal.until(lambda: bool(portal.postures()))
    assert portal.postures() == [machine] and portal.count("POST nodes/register") == 0


@pytest.mark.parametrize("socket", ["open", "refused"])
async def test_a_change_is_told_a_minute_after_the_last_report_with_the_latest_facts(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock, machine: dict[str, Any], socket: str
) -> None:
    portal.socket = socket
    make_engine()
    await beats(portal)
    before = dict(machine)
    machine["kernel"] = "6.2"
    clock.pass_seconds(59)
    await beats(portal)
    assert portal.postures() == [before]
    machine["kernel"] = "6.3"
    clock.pass_seconds(1)
    await beats(portal)
    assert portal.postures() == [before, before | {"kernel": "6.3"}]


async def test_a_report_that_is_refused_as_too_early_is_repeated_when_the_portal_says(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock, machine: dict[str, Any]
) -> None:
    portal.posture_refusals.append(dict(THROTTLED))
    make_engine()
    await beats(portal)
    clock.pass_seconds(19)
    await beats(portal)
    assert len(portal.postures()) == 1
    machine["kernel"] = "6.2"
    clock.pass_seconds(1)
    await beats(portal)
    assert portal.postures()[1:] == [machine]


async def test_polling_goes_on_after_a_429_and_repeats_the_report_later(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock, machine: dict[str, Any]
) -> None:
    portal.socket = "refused"
    portal.answers["POST heartbeat"] = [(429, problem("throttled", "Too many requests."), {"retry-after": "20"})]
    make_engine()
    await beats(portal)
    assert len(portal.postures()) == 1
    clock.pass_seconds(20)
    await beats(portal)
    assert portal.postures() == [machine, machine]


async def test_a_posture_that_the_portal_does_not_take_is_not_repeated_until_it_differs(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock, machine: dict[str, Any]
) -> None:
    fault = {"code": "validation", "detail": "Refused.", "errors": [{"field": "posture.os", "message": "A text."}]}
    portal.posture_refusals.append(fault)
    make_engine()
    await beats(portal)
    clock.pass_seconds(120)
    await beats(portal)
    assert len(portal.postures()) == 1
    machine["os"] = "other"
    await beats(portal)
    assert portal.postures()[1:] == [machine]


async def test_a_portal_that_was_restored_is_told_again(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock, machine: dict[str, Any]
) -> None:
    make_engine()
    await beats(portal)
    portal.push(portal.netmaps[1] | {"epoch": 2, "version": 1})
    clock.pass_seconds(60)
    await beats(portal)
    assert portal.postures() == [machine, machine]


def test_what_got_lost_on_the_way_is_not_taken_for_told() -> None:
    clock = FrozenClock()
    report = Report("posture", clock, lambda: {"os": "linux"})
    assert report.take()
    assert report.take() == {}  # a new connection: the answer to the first is never heard
    report.accepted()
    clock.pass_seconds(60)
    assert report.take() == {"posture": {"os": "linux"}}


def test_registration_and_posture_say_the_same() -> None:
    told = registration_facts(Settings(server="http://portal"), endpoints=[], port=1)
    for name, value in system_facts().items():
        assert told[name] == told["posture"][name] == value
    assert told["agent_version"] == __version__


def test_an_upgrade_of_the_system_is_seen_without_a_restart(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.write_text('ID=debian\nVERSION_ID="12"\nBROKEN="\n# comment\n')
    assert posture_facts([tmp_path / "none", release])["os_version"] == "12"
    release.write_text("ID=debian\nVERSION_ID='13'\n")
    assert posture_facts([release])["os_version"] == "13"
    assert read_os_release([tmp_path / "none"]) == {}


def test_values_keep_to_the_limits_of_the_protocol(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.write_text(f"ID={'é' * 300}\nVERSION_ID={'1' * 300}\n", encoding="utf-8")
    facts = posture_facts([release])
    assert len(facts["distribution"].encode()) <= 256 and len(facts["os_version"]) == 128
