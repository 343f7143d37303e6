"""Samples of a minute: what the lists show, what was heard in time, what workers did; once, whoever asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from coordinator.samples import take, take_samples
from coordinator.tallies import MAP_PREFIX, SHARED, map_buckets, tally_store
from nodes.models import Network, Node, Sample
from nodes.presence import RedisPresence, presence_store
from nodes.shared_redis import redis_client
from tests import factories as make
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet(network: Network, clock: Clock) -> None:
    """Two online, one of which is late and one that missed its last beat; one offline, two waiting."""
    now = clock.at
    presence_store().since(now - timedelta(days=1))
    nodes = [make.NodeFactory(network=network, online=True, last_seen=now) for _ in range(3)]
    heard = {nodes[0].pk: now, nodes[1].pk: now - timedelta(seconds=50), nodes[2].pk: now - timedelta(seconds=70)}
    presence_store().touch(heard)
    make.NodeFactory(network=network, last_seen=now - timedelta(days=2))
    make.NodeFactory(network=network)
    make.NodeFactory(network=network, state=Node.State.PENDING)
    make.NodeSessionFactory(node=nodes[0])


def test_a_network_is_counted_as_its_lists_are(fleet: None, network: Network, clock: Clock) -> None:
    take_samples(now=clock.at)
    sample = Sample.objects.get(network=network)
    assert (sample.online, sample.late, sample.offline, sample.waiting, sample.sessions) == (2, 1, 1, 2, 1)
    assert (sample.at, sample.span) == (clock.at.replace(second=0, microsecond=0), 60)


def test_heartbeats_in_time_are_those_of_the_last_interval_and_a_half(
    fleet: None, network: Network, clock: Clock
) -> None:
    take_samples(now=clock.at)
    sample = Sample.objects.get(network=network)
    assert (sample.due, sample.heard) == (3, 1)


def test_a_portal_that_just_began_to_listen_blames_nobody(network: Network, clock: Clock) -> None:
    make.NodeFactory(network=network, online=True, last_seen=clock.at - timedelta(hours=1))
    take_samples(now=clock.at)
    sample = Sample.objects.get(network=network)
    assert (sample.online, sample.late, sample.due, sample.heard) == (1, None, None, None)


def test_without_the_presence_store_the_rest_is_counted(
    fleet: None, network: Network, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = RedisPresence(redis_client("redis://127.0.0.1:1"))
    monkeypatch.setattr(take, "presence_store", lambda: gone)
    take_samples(now=clock.at)
    sample = Sample.objects.get(network=network)
    assert (sample.online, sample.late, sample.due, sample.offline) == (3, None, None, 1)


def test_what_workers_did_is_one_row_without_a_network(network: Network, clock: Clock) -> None:
    bucket = map_buckets()[2]
    tally_store().add({"pushes": 7, MAP_PREFIX + bucket: 3, SHARED: 1})
    tally_store().add({"pushes": 2, "heartbeats": 40, SHARED: 1})
    take_samples(now=clock.at)
    sample = Sample.objects.get(network=None)
    assert (sample.pushes, sample.heartbeats, sample.errors) == (9, 40, 0)
    assert sample.maps is not None
    assert [sample.maps[2], sum(sample.maps)] == [3, 3]


def test_workers_that_said_nothing_are_not_told_to_have_done_nothing(network: Network, clock: Clock) -> None:
    take_samples(now=clock.at)
    assert not Sample.objects.filter(network=None).exists()


def test_a_second_run_of_a_minute_writes_nothing_and_takes_nothing(network: Network, clock: Clock) -> None:
    tally_store().add({"pushes": 7, SHARED: 1})
    assert take_samples(now=clock.at) == 2
    tally_store().add({"pushes": 5, SHARED: 1})
    assert take_samples(now=clock.advance(seconds=20)) == 0
    assert take_samples(now=clock.advance(seconds=60)) == 2
    assert [row.pushes for row in Sample.objects.filter(network=None).order_by("at")] == [7, 5]


def test_many_nodes_cost_no_more_queries(network: Network, clock: Clock, django_assert_max_num_queries: Any) -> None:
    make.NodeFactory.create_batch(20, network=network, online=True, last_seen=clock.at)
    presence_store().since(clock.at - timedelta(days=1))
    with django_assert_max_num_queries(12):
        take_samples(now=clock.at)
