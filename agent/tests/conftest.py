"""What the agent's tests share."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.backend.dry_run import DryRunBackend
from agent.engine.core import Engine
from agent.paths import LocalNetworks
from agent.settings import Settings
from agent.state import StateDir
from agent.tests.portal import FakePortal
from agent.tests.serving import serving


@dataclass
class FrozenClock:
    """A clock that moves when a test says so."""

    now: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    up: float = 1000.0
    boot_name: str = "boot-1"

    def wall(self) -> datetime:
        return self.now

    def boot(self) -> float:
        return self.up

    def boot_id(self) -> str:
        return self.boot_name

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.up += seconds


class StillBackend(DryRunBackend):
    """The dry-run backend on a machine whose addresses are known."""

    def local_networks(self) -> LocalNetworks:
        return LocalNetworks()


@dataclass
class Naps:
    """Stands in for sleep: remembers what was asked for, and gives the loop a turn instead of waiting."""

    asked: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0.005 if seconds < 5 else 0.02)


async def eventually(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Return as soon as something inside the engine is so; it has no bell for most of what it knows."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDir]:
    directory = StateDir(tmp_path / "state")
    directory.acquire()
    yield directory
    directory.release()


@pytest.fixture
async def portal() -> AsyncIterator[FakePortal]:
    async with serving(FakePortal()) as running:
        yield running


@pytest.fixture
def naps() -> Naps:
    return Naps()


MakeEngine = Callable[..., Engine]


@pytest.fixture
async def make_engine(state: StateDir, portal: FakePortal, naps: Naps, clock: FrozenClock) -> AsyncIterator[MakeEngine]:
    """Starts engines on the dry-run backend against the portal in miniature, and ends them after the test."""
    running: list[asyncio.Task[None]] = []

    def make(*, auth_key: str | None = "gwk_test", **settings: Any) -> Engine:
        engine = Engine(
            state,
            Settings(server=portal.origin, hostname="web", backend="dry-run", hosts_file="", **settings),
            portal.origin,
            clock=clock,
            make_backend=lambda _: StillBackend(),
            sleep=naps,
            uniform=lambda low, high: high,
            tls=ssl.create_default_context(),
        )
        if auth_key is not None:
            engine.membership.auth_key = auth_key
        running.append(asyncio.create_task(engine.run()))
        return engine

    yield make
    for task in running:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
