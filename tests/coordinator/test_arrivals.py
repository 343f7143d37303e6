"""Signs of life that cannot be handed on: none is lost, and none holds up another."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from coordinator import arrivals as module
from coordinator.arrivals import Arrivals
from mesh.errors import NotFoundError
from tests.fixtures import START

Returned = list[tuple[int, list[int]]]


class Store:
    """A presence store that may be away."""

    def __init__(self) -> None:
        self.away = False
        self.seen: dict[int, Any] = {}

    def touch(self, seen: dict[int, Any]) -> None:
        if self.away:
            raise OSError("away")
        self.seen.update(seen)

    def listen(self, now: datetime) -> None:
        """This process is there."""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    found = Store()
    monkeypatch.setattr(module, "presence_store", lambda: found)
    return found


@pytest.fixture
def trouble() -> dict[int, Exception]:
    """What recording returns of a network fails with."""
    return {}


@pytest.fixture
def returned(monkeypatch: pytest.MonkeyPatch, trouble: dict[int, Exception]) -> Returned:
    """What is recorded."""
    found: Returned = []

    def mark_online(*, network_id: int, node_ids: list[int], **_: Any) -> None:
        if network_id in trouble:
            raise trouble[network_id]
        found.append((network_id, node_ids))

    monkeypatch.setattr(module, "mark_online", mark_online)
    return found


@pytest.fixture
def arrivals(store: Store, returned: Returned) -> Arrivals:
    found = Arrivals()
    found.note(1, 11, is_online=False, now=START)
    found.note(2, 22, is_online=False, now=START)
    found.note(2, 23, is_online=True, now=START)
    return found


def test_returns_are_recorded_while_the_store_is_away(arrivals: Arrivals, store: Store, returned: Returned) -> None:
    store.away = True
    with pytest.raises(OSError, match="away"):
        arrivals.flush(START)
    assert returned == [(1, [11]), (2, [22])]
    store.away = False
    arrivals.flush(START)
    assert store.seen.keys() == {11, 22, 23}
    assert len(returned) == 2


def test_an_outage_of_the_database_loses_no_return(
    arrivals: Arrivals, store: Store, returned: Returned, trouble: dict[int, Exception]
) -> None:
    trouble.update({1: OperationalError("gone"), 2: OperationalError("gone")})
    with pytest.raises(OperationalError):
        arrivals.flush(START)
    assert store.seen.keys() == {11, 22, 23}
    arrivals.note(1, 12, is_online=False, now=START)
    trouble.clear()
    arrivals.flush(START)
    assert returned == [(1, [11, 12]), (2, [22])]


def test_one_networks_trouble_is_its_own(arrivals: Arrivals, returned: Returned, trouble: dict[int, Exception]) -> None:
    trouble[1] = OperationalError("gone")
    with pytest.raises(OperationalError):
        arrivals.write_returned(START)
    assert returned == [(2, [22])]


def test_a_network_that_is_gone_is_nobodys_trouble(
    arrivals: Arrivals, returned: Returned, trouble: dict[int, Exception]
) -> None:
    trouble[1] = NotFoundError("There is no network 1.")
    arrivals.write_returned(START)
    trouble.clear()
    arrivals.write_returned(START)
    assert returned == [(2, [22])]


def test_the_latest_sign_of_life_counts(arrivals: Arrivals, store: Store) -> None:
    store.away = True
    with pytest.raises(OSError, match="away"):
        arrivals.store_seen()
    later = START + timedelta(seconds=5)
    arrivals.note(1, 11, is_online=True, now=later)
    store.away = False
    arrivals.store_seen()
    assert (store.seen[11], store.seen[22]) == (later, START)
