"""When the next heartbeat goes: after the portal's interval, or soon where there is news that is worth one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from agent.clock import Clock

LEAST_SECONDS: Final = 1.0
"""Between two heartbeats: the portal refuses more (agent protocol, "Limits")."""


class Rhythm:
    """The pause between two heartbeats, which news may cut short."""

    def __init__(self, clock: Clock, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._news = asyncio.Event()

    def hurry(self) -> None:
        """There is news: the next heartbeat goes as soon as it may."""
        self._news.set()

    def heard(self) -> None:
        """A heartbeat is about to be made that tells all there is: none has to follow on it before its time."""
        self._news.clear()

    async def rest(self, seconds: float) -> None:
        """Wait after a heartbeat, for ``seconds``, or for news; never less than ``LEAST_SECONDS`` for these."""
        began = self._clock.boot()
        waits = [asyncio.ensure_future(act) for act in (self._sleep(seconds), self._news.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        if not self._news.is_set():
            return
        self._news.clear()
        left = min(seconds, LEAST_SECONDS) - (self._clock.boot() - began)
        if left > 0:
            await self._sleep(left)
