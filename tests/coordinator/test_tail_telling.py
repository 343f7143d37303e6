"""What the thread that follows the database has connected agents told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from coordinator import tail as module
from coordinator.fanout import CLOSE_NOT_ACTIVE, CLOSE_RESTARTING
from coordinator.replica import REPLICAS
from coordinator.tail import Tail
from mesh.netmap.state import State
from mesh.steps import Touch
from nodes.models import Change, Network
from sessions_app.models import User
from tests.coordinator.tail_changes import touch, version_of
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db


class FakeFanout:
    """Notes what connected agents would be told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.fails = False
        self.changed_at: datetime | None = None
        self.closed: list[int] = []
        self.loop = self

    def networks(self) -> list[int]:
        return []

    def announce(self, state: State) -> None:
        self.told.append(("announce", state.version))

    def deliver(self, before: State, after: State, touch: Touch, changed_at: datetime | None = None) -> None:
        if self.fails:
            raise ValueError("broken")
        self.told.append(("deliver", after.version))
        self.changed_at = changed_at

    def nodes(self, network_id: int) -> dict[int, tuple[Any, ...]]:
        return {1: (self,)}

    def close(self, code: int) -> None:
        self.closed.append(code)

    def is_closed(self) -> bool:
        return False

    def call_soon_threadsafe(self, action: Any, *arguments: Any) -> None:
        action(*arguments)


@pytest.fixture
def tail() -> Tail:
    return Tail()


@pytest.fixture
def fanout(monkeypatch: pytest.MonkeyPatch) -> FakeFanout:
    found = FakeFanout()
    monkeypatch.setattr(module, "FANOUT", found)
    return found


def test_agents_are_told_the_way_from_what_they_know(
    tail: Tail, network: Network, clock: Clock, fanout: FakeFanout
) -> None:
    tail.watch(network.pk)
    tail.turn()
    version = touch(network, clock)
    tail.turn()
    tail.turn()
    assert fanout.told == [("announce", version - 1), ("deliver", version)]


def test_with_a_step_goes_when_its_first_change_was_made(
    tail: Tail, network: Network, clock: Clock, fanout: FakeFanout
) -> None:
    tail.watch(network.pk)
    tail.turn()
    version = touch(network, clock)
    clock.advance(seconds=1)
    touch(network, clock)
    tail.turn()
    assert fanout.changed_at == Change.objects.get(network=network, version=version).created_at


def test_what_could_not_be_told_is_announced(tail: Tail, network: Network, clock: Clock, fanout: FakeFanout) -> None:
    tail.watch(network.pk)
    tail.turn()
    version = touch(network, clock)
    fanout.fails = True
    with pytest.raises(ValueError, match="broken"):
        tail.turn()
    fanout.fails = False
    tail.turn()
    assert fanout.told[-1] == ("announce", version)


def test_a_new_epoch_is_whole_maps_for_all(tail: Tail, network: Network, fanout: FakeFanout) -> None:
    tail.watch(network.pk)
    tail.turn()
    Network.objects.filter(pk=network.pk).update(epoch=2)
    tail.turn()
    state = REPLICAS.of(network.pk).state
    assert state is not None
    assert state.epoch == 2
    assert [kind for kind, _ in fanout.told] == ["announce", "announce"]


def test_a_database_that_was_put_back_is_read_anew_and_its_agents_come_back(
    tail: Tail, network: Network, clock: Clock, fanout: FakeFanout
) -> None:
    touch(network, clock)
    tail.watch(network.pk)
    tail.turn()
    before = version_of(network)
    Change.objects.filter(network=network, version=before).delete()
    Network.objects.filter(pk=network.pk).update(map_version=before - 1)
    tail.turn()
    assert version_of(network) == before - 1
    assert fanout.closed == [CLOSE_RESTARTING]


def test_one_that_was_put_back_and_went_on_is_noticed_too(
    tail: Tail, network: Network, clock: Clock, ana: User
) -> None:
    touch(network, clock)
    tail.watch(network.pk)
    tail.turn()
    # Under the same version another change happened, of which this process saw nothing.
    Change.objects.filter(network=network).update(request_id="another")
    User.objects.filter(pk=ana.pk).update(display_name="Ana B.")
    touch(network, clock)
    tail.turn()
    state = REPLICAS.of(network.pk).state
    assert state is not None
    found = state.topology.users.get(ana.pk)
    assert found is not None
    assert found.display_name == "Ana B."


def test_a_network_that_is_gone_is_forgotten(tail: Tail, clock: Clock, fanout: FakeFanout) -> None:
    network = Network.objects.create(name="other", domain="other.ghost", ipv4_range="10.9.0.0/16")
    tail.watch(network.pk)
    tail.turn()
    pk = network.pk
    network.delete()
    tail.turn()
    assert not tail.is_fresh(pk)
    assert REPLICAS.of(pk).state is None
    assert fanout.closed == [CLOSE_NOT_ACTIVE]
