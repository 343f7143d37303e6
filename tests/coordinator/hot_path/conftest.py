"""A process whose memory is current when a test says so, and whose freshness goes by a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coordinator import tail
from coordinator.tail import TAIL
from nodes.models import Network
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import Clock, Join

Current = Callable[[], None]


class Ticks:
    """The clock that no one sets: it moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    stopped = Ticks()
    monkeypatch.setattr(tail, "time", stopped)
    return stopped


@pytest.fixture
def current(network: Network, ticks: Ticks) -> Current:
    """Lets this process read what was committed."""

    def read() -> None:
        TAIL.watch(network.pk)
        TAIL.turn()

    return read


@pytest.fixture
def web(join: Join, ana: User, clock: Clock, current: Current) -> Machine:
    """A machine that this process knows: its next heartbeat is answered from memory."""
    machine = join(ana, "web", endpoints=["203.0.113.9:1", "[2001:db8::1]:2"], posture={"disk": True})
    current()
    assert machine.heartbeat().status_code == 200
    clock.advance(seconds=1)
    return machine
