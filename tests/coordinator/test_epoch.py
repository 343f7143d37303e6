"""A database that was put back: agents that come back from a later version get whole maps of the new epoch."""

from __future__ import annotations

from datetime import timedelta

import pytest

from coordinator.replica import REPLICAS
from coordinator.tail import TAIL
from mesh.change import Cause
from mesh.errors import NotFoundError
from nodes.models import Change, Network
from nodes.services.epoch import begin_epoch
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import START, Clock, Join

pytestmark = pytest.mark.django_db
CAUSE = Cause.command()


@pytest.fixture
def web(join: Join, ana: User, clock: Clock) -> Machine:
    return join(ana, "web")


def test_an_agent_from_a_later_version_gets_a_whole_map(web: Machine, network: Network, clock: Clock) -> None:
    before = Network.objects.get()
    begun = begin_epoch(network_id=network.pk, cause=CAUSE, now=clock.advance(seconds=60))
    answer = web.call("get", f"netmap?since={before.epoch}.{before.map_version + 1000}").json()
    assert "from" not in answer
    assert (answer["epoch"], answer["version"]) == (begun.epoch, begun.map_version)
    assert web.heartbeat().json()["epoch"] == begun.epoch


def test_an_agent_from_the_same_version_gets_one_too(web: Machine, network: Network, clock: Clock) -> None:
    before = Network.objects.get()
    begin_epoch(network_id=network.pk, cause=CAUSE, now=clock())
    assert "from" not in web.call("get", f"netmap?since={before.epoch}.{before.map_version}").json()


def test_a_worker_that_runs_follows(web: Machine, network: Network, clock: Clock) -> None:
    TAIL.watch(network.pk)
    TAIL.turn()
    begun = begin_epoch(network_id=network.pk, cause=CAUSE, now=clock())
    TAIL.turn()
    state = REPLICAS.of(network.pk).state
    assert state is not None
    assert (state.epoch, state.version) == (begun.epoch, begun.map_version)


def test_no_epoch_comes_twice_though_backups_know_nothing_of_it(network: Network) -> None:
    first = begin_epoch(network_id=network.pk, cause=CAUSE, now=START).epoch
    Network.objects.update(epoch=1)  # a backup from before that
    second = begin_epoch(network_id=network.pk, cause=CAUSE, now=START + timedelta(hours=1)).epoch
    third = begin_epoch(network_id=network.pk, cause=CAUSE, now=START).epoch
    assert 1 < first < second < third


def test_it_is_one_change(network: Network) -> None:
    before = Change.objects.count()
    begin_epoch(network_id=network.pk, cause=CAUSE, now=START)
    assert Change.objects.count() == before + 1


def test_of_a_network_that_is_not_there(db: None) -> None:
    with pytest.raises(NotFoundError):
        begin_epoch(network_id=99, cause=CAUSE, now=START)
