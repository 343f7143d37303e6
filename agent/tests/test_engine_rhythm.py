"""The pause between two heartbeats: news cut it short, but never below what the portal takes."""

from __future__ import annotations

import asyncio

import pytest

from agent.engine.rhythm import Rhythm
from agent.tests.conftest import FrozenClock


class Sleeper:
    """Sleeps for ever, but for what is as short as a heartbeat has to wait; remembers how long it was to be."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        if seconds > 1.0:
            await asyncio.Event().wait()


async def hurried(rhythm: Rhythm, clock: FrozenClock, seconds: float) -> None:
    """Rests, with news after ``seconds``."""
    rest = asyncio.create_task(rhythm.rest(30.0))
    for _ in range(3):
        await asyncio.sleep(0)
    clock.pass_seconds(seconds)
    rhythm.hurry()
    async with asyncio.timeout(10):
        await rest


@pytest.mark.parametrize(("after", "left"), [(0.0, [1.0]), (0.25, [0.75]), (1.0, []), (20.0, [])])
async def test_news_end_a_rest_a_second_after_the_last_heartbeat_at_the_earliest(
    after: float, left: list[float]
) -> None:
    clock, sleep = FrozenClock(), Sleeper()
    await hurried(Rhythm(clock, sleep), clock, after)
    assert sleep.asked == [30.0, *left]


async def test_news_end_one_rest_alone() -> None:
    clock, sleep = FrozenClock(), Sleeper()
    rhythm = Rhythm(clock, sleep)
    await hurried(rhythm, clock, 5.0)
    again = asyncio.create_task(rhythm.rest(30.0))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not again.done()
    again.cancel()
    await asyncio.wait([again])


async def test_what_a_heartbeat_told_is_no_news() -> None:
    clock, sleep = FrozenClock(), Sleeper()
    rhythm = Rhythm(clock, sleep)
    rhythm.hurry()
    rhythm.heard()
    rest = asyncio.create_task(rhythm.rest(30.0))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not rest.done()
    rest.cancel()
    await asyncio.wait([rest])
