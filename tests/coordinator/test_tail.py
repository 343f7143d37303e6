"""The thread that follows the database: whom it follows, and when memory counts as current."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError

from coordinator import tail as module
from coordinator.replica import REPLICAS, Replica
from coordinator.tail import FRESH_SECONDS, WATCH_SECONDS, Tail
from mesh.netmap.state import State
from nodes.models import Network
from sessions_app.models import User
from tests.coordinator.tail_changes import touch, version_of
from tests.fixtures import Clock, Join

pytestmark = pytest.mark.django_db


class Ticks:
    """The clock that no one sets: it moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    stopped = Ticks()
    monkeypatch.setattr(module, "time", stopped)
    return stopped


@pytest.fixture
def tail(ticks: Ticks) -> Tail:
    return Tail()


def test_a_network_that_is_watched_is_followed_without_any_socket(
    tail: Tail, network: Network, ana: User, join: Join
) -> None:
    tail.watch(network.pk)
    tail.turn()
    join(ana, "web")
    tail.turn()
    state = REPLICAS.of(network.pk).state
    assert state is not None
    assert [node.name for node in state.topology.nodes.values()] == ["web"]


def test_a_network_that_nobody_asks_about_is_left_alone(tail: Tail, network: Network, ticks: Ticks) -> None:
    tail.watch(network.pk)
    tail.turn()
    ticks.now += WATCH_SECONDS + 1
    tail.turn()
    assert not tail.is_fresh(network.pk)


def test_another_watch_prolongs_it(tail: Tail, network: Network, ticks: Ticks) -> None:
    tail.watch(network.pk)
    ticks.now += WATCH_SECONDS - 1
    tail.watch(network.pk)
    ticks.now += WATCH_SECONDS - 1
    tail.turn()
    assert tail.is_fresh(network.pk)


def test_memory_is_fresh_for_two_seconds_after_a_poll_began(tail: Tail, network: Network, ticks: Ticks) -> None:
    tail.watch(network.pk)
    tail.turn()
    ticks.now += FRESH_SECONDS - 0.01
    assert tail.is_fresh()
    assert tail.is_fresh(network.pk)
    ticks.now += 0.01
    assert not tail.is_fresh()
    assert not tail.is_fresh(network.pk)


def test_nothing_is_fresh_before_the_first_poll(tail: Tail, network: Network) -> None:
    tail.watch(network.pk)
    assert not tail.is_fresh()
    assert not tail.is_fresh(network.pk)


def test_a_network_that_is_watched_only_now_is_not_fresh_yet(tail: Tail, network: Network) -> None:
    tail.watch(network.pk)
    tail.turn()
    tail.watch(network.pk + 1)
    assert tail.is_fresh(network.pk)
    assert not tail.is_fresh(network.pk + 1)
    assert not tail.is_fresh()


def test_a_slow_poll_is_as_old_as_its_beginning(
    tail: Tail, network: Network, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    catch_up = Replica.catch_up

    def slowly(self: Replica, version: int) -> State:
        ticks.now += FRESH_SECONDS
        return catch_up(self, version)

    monkeypatch.setattr(Replica, "catch_up", slowly)
    tail.watch(network.pk)
    tail.turn()
    assert not tail.is_fresh(network.pk)


def test_while_the_database_is_away_memory_grows_old(
    tail: Tail, network: Network, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    tail.watch(network.pk)
    tail.turn()

    def away(**_: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Network.objects, "filter", away)
        ticks.now += 1
        with pytest.raises(OperationalError):
            tail.turn()
        assert tail.is_fresh(network.pk)
        ticks.now += 1
        assert not tail.is_fresh(network.pk)
    tail.turn()
    assert tail.is_fresh(network.pk)


def test_a_network_that_cannot_be_followed_holds_up_no_other(
    tail: Tail, network: Network, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Network.objects.create(
        name="other", domain="other.ghost", ipv4_range="10.9.0.0/16", ipv6_range=None, created_at=clock.at
    )
    catch_up = Replica.catch_up

    def fails_for_one(self: Replica, version: int) -> State:
        if self.network_id == network.pk:
            raise ValueError("broken")
        return catch_up(self, version)

    monkeypatch.setattr(Replica, "catch_up", fails_for_one)
    tail.watch(network.pk)
    tail.watch(other.pk)
    with pytest.raises(ValueError, match="broken"):
        tail.turn()
    assert not tail.is_fresh(network.pk)
    assert tail.is_fresh(other.pk)


def test_a_change_of_another_process_is_found_by_the_poll(tail: Tail, network: Network, clock: Clock) -> None:
    tail.watch(network.pk)
    tail.turn()
    version = touch(network, clock)
    tail.turn()
    assert version_of(network) == version


# --- Hints


def test_a_hint_makes_it_look_at_the_network_it_names_alone(
    tail: Tail, network: Network, clock: Clock, django_assert_num_queries: Any
) -> None:
    others = [
        Network.objects.create(name=f"n{number}", domain=f"n{number}.ghost", ipv4_range="10.9.0.0/16")
        for number in range(3)
    ]
    for item in (network, *others):
        tail.watch(item.pk)
    tail.turn()
    version = touch(network, clock)
    tail._hint(network.pk, version)
    # The versions, and the steps.
    with django_assert_num_queries(2):
        tail._look(False)
    assert version_of(network) == version


def test_hints_that_are_late_doubled_or_wrong_do_nothing(tail: Tail, network: Network, clock: Clock) -> None:
    tail.watch(network.pk)
    tail.turn()
    version = touch(network, clock)
    for hinted in (version, version - 1, version, 10_000):
        tail._hint(network.pk, hinted)
        tail._hint(network.pk + 7, hinted)
        tail._look(False)
    assert version_of(network) == version


def test_a_thousand_networks_are_one_query(tail: Tail, ticks: Ticks, django_assert_num_queries: Any) -> None:
    Network.objects.bulk_create(
        Network(name=f"n{number}", domain=f"n{number}.ghost", ipv4_range="10.9.0.0/16") for number in range(1000)
    )
    ids = list(Network.objects.values_list("pk", flat=True))
    for network_id in ids:
        tail.watch(network_id)
        REPLICAS.of(network_id)._state = Quiet(1)  # type: ignore[assignment]
    with django_assert_num_queries(1):
        tail.turn()
    assert tail.is_fresh()


class Quiet:
    """A state that nothing happens to."""

    epoch = 1

    def __init__(self, version: int) -> None:
        self.version = version
        self.topology = self
        self.network = self
        self.id = 0
