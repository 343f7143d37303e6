"""Deltas over the socket: applied to the map that was told, and healed by a whole map where they do not fit."""

from __future__ import annotations

from typing import Any

from agent.tests.conftest import MakeEngine, eventually
from agent.tests.portal import FakePortal


def delta(start: int, to: int, **members: Any) -> dict[str, Any]:
    return {"type": "delta", "epoch": 1, "from": start, "to": to} | members


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
