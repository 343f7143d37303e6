"""Fixtures of the portal's own tests: a quiet process, a clock that stands still, a network, people and auth keys.

A ``conftest.py`` that wants them imports them by name.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from coordinator.acknowledgements import ACKNOWLEDGED, acknowledgement_store
from coordinator.arrivals import ARRIVALS
from coordinator.hot_path.credentials import CREDENTIALS
from coordinator.limits import heartbeat_limits, limit_store
from coordinator.networks import ensure_network
from coordinator.replica import REPLICAS
from coordinator.tail import TAIL, Tail
from coordinator.tallies import tally_store
from coordinator.traffic import TRAFFIC
from mesh.change import Cause
from nodes.models import Network
from nodes.periodic import run_store
from nodes.presence import presence_store
from sessions_app.models import User
from sessions_app.services.auth_keys import create_auth_key
from sessions_app.services.users import create_user
from tests.agents import Machine

START = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
KeyOf = Callable[..., str]
Join = Callable[..., Machine]

_numbers = itertools.count(1)


class Clock:
    """The time that the portal reads; it moves when told to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **parts: float) -> datetime:
        """Goes on by ``seconds=``, ``hours=`` and so on; returns the new instant."""
        self.at += timedelta(**parts)
        return self.at


def random32() -> bytes:
    """32 bytes that no other call returned."""
    return next(_numbers).to_bytes(32, "big")


@pytest.fixture(autouse=True)
def quiet_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No thread follows the database on its own, and nothing in memory outlives a test."""
    monkeypatch.setattr(Tail, "start", lambda self: None)
    for module in ("rest", "beat"):
        monkeypatch.setattr(f"coordinator.hot_path.{module}.in_thread", at_once)
    forget_memory()
    yield
    forget_memory()


async def at_once(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Stands for ``in_thread`` where a test's transaction is: other threads have connections of their own."""
    return function(*args, **kwargs)


def forget_memory() -> None:
    """Empties what a process remembers of networks, nodes and callers."""
    limit_store.cache_clear()
    heartbeat_limits.cache_clear()
    CREDENTIALS.clear()
    TAIL.__init__()  # type: ignore[misc]
    presence_store.cache_clear()
    acknowledgement_store.cache_clear()
    run_store.cache_clear()
    tally_store.cache_clear()
    REPLICAS.clear()
    ARRIVALS.__init__()  # type: ignore[misc]
    TRAFFIC.__init__()  # type: ignore[misc]
    ACKNOWLEDGED.__init__()  # type: ignore[misc]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The portal's clock stands still at ``START``."""
    stopped = Clock(START)
    monkeypatch.setattr(timezone, "now", stopped)
    return stopped


@pytest.fixture
def network(db: None) -> Network:
    """The network of the default configuration, with its one rule."""
    return ensure_network(config=settings.GHOSTWIRE, now=timezone.now(), random5=b"\1\2\3\4\5")


@pytest.fixture
def ana(network: Network) -> User:
    """A person without a special role."""
    return create_user(login="ana@example.com", cause=Cause.command(), now=timezone.now())


@pytest.fixture
def ben(network: Network) -> User:
    """Another one."""
    return create_user(login="ben@example.com", cause=Cause.command(), now=timezone.now())


@pytest.fixture
def key_of(network: Network) -> KeyOf:
    """Makes an auth key of a person (or of ``tags=``) and returns its secret."""

    def make(owner: User | None = None, **options: Any) -> str:
        return create_auth_key(
            network_id=network.pk,
            owner_id=None if owner is None else owner.pk,
            now=timezone.now(),
            random32=random32(),
            cause=Cause.command(),
            **options,
        ).secret

    return make


@pytest.fixture
def join(key_of: KeyOf) -> Join:
    """Registers a machine with a key of its own: ``join(ana, "web")``, ``join(None, "db", tags=["tag:db"])``."""

    def register(owner: User | None, hostname: str, *, tags: list[str] | None = None, **members: Any) -> Machine:
        machine = Machine(hostname)
        response = machine.register(key_of(owner, tags=tags or []), **members)
        assert response.status_code == 201, response.content
        return machine

    return register
