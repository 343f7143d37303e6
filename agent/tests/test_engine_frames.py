"""The frames of both subprotocols, and what an agent does whose frames come twice, out of order or not at all."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import zstandard

from agent.engine import frames
from agent.engine.frames import PLAIN, ZSTD, decode, offered
from agent.errors import PortalUnreachableError
from agent.tests.conftest import MakeEngine, eventually
from agent.tests.deltas import Meddler, Script, lost, packed, swapped, twice
from agent.tests.portal import FakePortal
from agent.tests.serving import serving


def test_offers_zstd_first_where_it_can_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered() == [ZSTD, PLAIN]
    monkeypatch.setattr(frames, "zstandard", None)
    assert offered() == [PLAIN]


def test_reads_one_message_across_zstd_frames() -> None:
    text = json.dumps({"type": "delta", "name": "x" * 200_000})
    assert decode(packed(text), ZSTD) == json.loads(text)


@pytest.mark.parametrize("frame", [b"nonsense", zstandard.compress(b"[]"), zstandard.compress(b"\xff"), b"", "7", "{"])
def test_what_is_no_message_is_refused(frame: str | bytes) -> None:
    with pytest.raises(PortalUnreachableError):
        decode(frame, ZSTD)


def test_a_binary_frame_without_zstd_is_refused() -> None:
    with pytest.raises(PortalUnreachableError):
        decode(packed('{"type": "delta", "more": 1}'), PLAIN)


def test_a_small_frame_that_becomes_endless_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_MESSAGE", 100_000)
    with pytest.raises(PortalUnreachableError, match="larger"):
        decode(zstandard.compress(b'"' + bytes(32).hex().encode() * 10_000 + b'"'), ZSTD)


async def test_an_agent_follows_the_map_over_zstd(make_engine: MakeEngine, portal: FakePortal) -> None:
    portal.zstd = True
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    portal.advance(domain="one.ghost")
    await portal.until(lambda: {"type": "ack", "epoch": 1, "version": 2} in portal.frames)
    assert engine.maps.raw is not None
    assert engine.maps.raw["domain"] == "one.ghost"


@pytest.fixture
def meddler() -> Meddler:
    """Stands between the agents of a test and its portal."""
    return Meddler(FakePortal())


@pytest.fixture
async def portal(meddler: Meddler) -> AsyncIterator[FakePortal]:
    """The portal in miniature, behind the proxy."""
    async with serving(meddler.app, meddler) as running:
        yield running


@pytest.mark.parametrize("script", [twice, swapped, lost])
async def test_frames_twice_out_of_order_or_lost_are_noticed_and_heal_by_themselves(
    make_engine: MakeEngine, portal: FakePortal, meddler: Meddler, script: Script
) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    meddler.script = script
    portal.advance(domain="one.ghost")
    portal.advance(domain="two.ghost")
    await eventually(lambda: meddler.done >= 2)
    meddler.script = None
    version = portal.advance(domain="three.ghost")
    await eventually(lambda: engine.maps.applied == (1, version))
    assert engine.maps.raw is not None
    assert engine.maps.raw["domain"] == "three.ghost"
    assert portal.count("frame hello") == 2
    assert [frame["since"] for frame in portal.frames if frame["type"] == "hello"] == [None, None]
