"""From silence to a change: the sweep, and what presence writes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis import Redis

from mesh.change import Cause
from nodes.models import Change, Network, Node
from nodes.presence import RedisPresence, presence_store
from nodes.services import liveness
from nodes.services.liveness import assess_nodes, sweep_network
from nodes.services.presence import mark_offline, mark_online
from nodes.tasks import forget_reservations, sweep
from tests.factories import NameReservationFactory, NetworkFactory, NodeFactory, UserFactory
from tests.fixtures import START, Clock
from tests.services.redis import RedisServer

pytestmark = pytest.mark.django_db
ACT: dict[str, Any] = {"cause": Cause.system("test"), "now": START}
LIMIT = timedelta(seconds=2 * 30 + 60)


@pytest.fixture
def network() -> Network:
    """30 s between heartbeats, 60 s of grace."""
    made: Network = NetworkFactory()
    return made


@pytest.fixture
def web(network: Network) -> Node:
    """A node that peers believe online."""
    node: Node = NodeFactory(network=network)
    mark_online(network_id=network.pk, node_ids=[node.pk], **ACT)
    presence_store().since(START)
    presence_store().touch({node.pk: START})
    return node


def test_offline_when_the_grace_is_over(network: Network, web: Node) -> None:
    assert sweep_network(network=network, now=START + LIMIT - timedelta(milliseconds=1)) == []
    assert sweep_network(network=network, now=START + LIMIT) == [web.pk]
    web.refresh_from_db()
    assert (web.online, web.last_seen) == (False, START)


def test_late_is_no_change(network: Network, web: Node) -> None:
    before = Network.objects.get().map_version
    now = START + timedelta(seconds=90)
    sweep_network(network=network, now=now)
    assert Network.objects.get().map_version == before
    health = assess_nodes(network=network, last_known={web.pk: START}, now=now)[web.pk]
    assert (health.is_online, health.in_grace_period, health.consecutive_misses) == (True, True, 3)


def test_a_batch_is_one_change(network: Network, web: Node) -> None:
    others = [NodeFactory(network=network).pk for _ in range(3)]
    mark_online(network_id=network.pk, node_ids=others, **ACT)
    presence_store().touch({pk: START + timedelta(seconds=1) for pk in others})
    before = Network.objects.get().map_version
    assert sweep_network(network=network, now=START + timedelta(hours=1)) == [web.pk, *others]
    change = Change.objects.latest("version")
    assert (change.version, change.kind, change.actor) == (before + 1, "presence", "system:sweep")
    assert change.facts["online"] == []
    assert {item["id"]: datetime.fromisoformat(item["at"]) for item in change.facts["offline"]} == {
        web.pk: START,
        **dict.fromkeys(others, START + timedelta(seconds=1)),
    }


def test_doubled_it_does_nothing(network: Network, web: Node) -> None:
    sweep_network(network=network, now=START + LIMIT)
    assert sweep_network(network=network, now=START + LIMIT) == []


def test_a_restart_gives_everybody_time(network: Network, web: Node) -> None:
    presence_store.cache_clear()
    restarted = START + timedelta(hours=5)
    assert sweep_network(network=network, now=restarted) == []
    assert sweep_network(network=network, now=restarted + LIMIT) == [web.pk]
    web.refresh_from_db()
    assert web.last_seen == START


@pytest.fixture
def shared(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> RedisPresence:
    """Presence in Redis, which outlives the portal."""
    client = Redis.from_url(redis_server.url.removesuffix("/0") + "/8")
    client.flushdb()
    store = RedisPresence(client)
    monkeypatch.setattr(liveness, "presence_store", lambda: store)
    return store


def test_a_fleet_that_nobody_listened_to_is_not_blamed(network: Network, shared: RedisPresence) -> None:
    nodes = [NodeFactory(network=network, online=True, last_seen=START) for _ in range(3)]
    shared.listen(START)
    shared.touch({node.pk: START for node in nodes})
    away = START + timedelta(hours=1)
    assert sweep_network(network=network, now=away) == [], "no worker took heartbeats, but the sweep went on"
    back = away + timedelta(minutes=5)
    listening = [back + timedelta(seconds=number) for number in range(0, int(LIMIT.total_seconds()) + 1, 5)]
    for at in listening[:-1]:
        shared.listen(at)
        assert sweep_network(network=network, now=at) == []
    shared.listen(listening[-1])
    shared.touch({node.pk: listening[-1] for node in nodes[:2]})
    assert sweep_network(network=network, now=back + LIMIT) == [nodes[2].pk], "this one had its time, and said nothing"


def test_networks_have_their_own_pace(web: Node, clock: Clock) -> None:
    slow = NetworkFactory(keepalive_seconds=600)
    node = NodeFactory(network=slow)
    mark_online(network_id=slow.pk, node_ids=[node.pk], **ACT)
    presence_store().touch({node.pk: START})
    clock.advance(minutes=5)
    assert sweep() == 1
    node.refresh_from_db()
    assert node.online


# --- what is written


def test_online_is_one_change_for_those_who_were_not(network: Network, web: Node) -> None:
    other = NodeFactory(network=network)
    before = Network.objects.get().map_version
    assert mark_online(network_id=network.pk, node_ids=[web.pk, other.pk], **ACT) == [other.pk]
    change = Change.objects.latest("version")
    assert (change.version, change.facts) == (before + 1, {"online": [other.pk], "offline": []})


def test_no_return_is_no_change(network: Network, web: Node) -> None:
    before = Network.objects.get().map_version
    assert mark_online(network_id=network.pk, node_ids=[web.pk], **ACT) == []
    assert Network.objects.get().map_version == before


@pytest.mark.parametrize(
    "facts",
    [{"state": "disabled"}, {"state": "expired"}, {"state": "pending"}, {"login_required": True}, {"owner": None}],
)
def test_only_who_takes_part_is_online(network: Network, facts: dict[str, Any]) -> None:
    if "owner" in facts:
        facts = {"owner": UserFactory(is_active=False)}
    node = NodeFactory(network=network, **facts)
    assert mark_online(network_id=network.pk, node_ids=[node.pk], **ACT) == []
    node.refresh_from_db()
    assert not node.online


def test_a_node_of_another_network_is_not_touched(network: Network) -> None:
    stranger = NodeFactory()
    assert mark_online(network_id=network.pk, node_ids=[stranger.pk], **ACT) == []
    Node.objects.filter(pk=stranger.pk).update(online=True)
    assert mark_offline(network_id=network.pk, last_seen={stranger.pk: START}, **ACT) == []


def test_a_batch_is_a_few_statements_whatever_its_size(network: Network) -> None:
    def statements(count: int) -> int:
        node_ids = [NodeFactory(network=network, owner=None).pk for _ in range(count)]
        mark_online(network_id=network.pk, node_ids=node_ids, **ACT)
        with CaptureQueriesContext(connection) as captured:
            gone = mark_offline(network_id=network.pk, last_seen=dict.fromkeys(node_ids, START), **ACT)
        assert gone == node_ids
        return len(captured)

    assert statements(2) == statements(50)


def test_each_node_keeps_the_second_that_it_was_heard_in_itself(network: Network) -> None:
    nodes = [NodeFactory(network=network, online=True) for _ in range(3)]
    seen = {node.pk: START + timedelta(microseconds=number * 1_000_001) for number, node in enumerate(nodes)}
    mark_offline(network_id=network.pk, last_seen=seen, **ACT)
    seconds = {node.pk: START + timedelta(seconds=number) for number, node in enumerate(nodes)}
    assert dict(Node.objects.values_list("pk", "last_seen")) == seconds
    told = Change.objects.get(network=network, kind="presence").facts["offline"]
    assert {item["id"]: datetime.fromisoformat(item["at"]) for item in told} == seconds


def test_old_reservations_of_names_are_forgotten(clock: Clock) -> None:
    NameReservationFactory(until=START)
    NameReservationFactory(until=START + timedelta(seconds=1))
    assert forget_reservations() == 1
