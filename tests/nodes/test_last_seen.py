"""When online nodes were last heard, written in batches and without a change."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nodes.models import Network, Node
from nodes.presence import presence_store
from nodes.services.last_seen import note_last_seen, write_last_seen
from nodes.tasks import write_last_seen as task
from tests.factories import NetworkFactory, NodeFactory
from tests.fixtures import START

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory()
    return made


def seen(node: Node) -> object:
    return Node.objects.values_list("last_seen", flat=True).get(pk=node.pk)


def test_each_keeps_its_own(network: Network) -> None:
    nodes = [NodeFactory(network=network, online=True, last_seen=START) for _ in range(3)]
    heard = {node.pk: START + number * MINUTE + timedelta(microseconds=7) for number, node in enumerate(nodes, 1)}
    presence_store().touch(heard)
    before = Network.objects.get().map_version
    assert note_last_seen(network=network) == 3
    assert dict(Node.objects.values_list("pk", "last_seen")) == heard
    assert Network.objects.get().map_version == before


def test_one_that_was_never_seen(network: Network) -> None:
    node = NodeFactory(network=network, online=True, last_seen=None)
    presence_store().touch({node.pk: START})
    assert note_last_seen(network=network) == 1
    assert seen(node) == START


def test_nothing_goes_back_and_small_news_wait(network: Network) -> None:
    node = NodeFactory(network=network, online=True, last_seen=START)
    write_last_seen({node.pk: START - MINUTE})
    assert seen(node) == START
    presence_store().touch({node.pk: START + timedelta(seconds=29)})
    assert note_last_seen(network=network) == 0


def test_what_peers_were_told_of_a_silent_node_stays(network: Network) -> None:
    node = NodeFactory(network=network, online=False, last_seen=START)
    write_last_seen({node.pk: START + MINUTE})
    assert seen(node) == START


def test_a_batch_is_one_statement_on_postgresql_and_one_call_on_sqlite(network: Network) -> None:
    nodes = [NodeFactory(network=network, online=True, last_seen=None) for _ in range(50)]
    with CaptureQueriesContext(connection) as captured:
        write_last_seen({node.pk: START for node in nodes})
    updates = [query for query in captured if "UPDATE nodes_node" in query["sql"]]
    assert len(updates) == 1
    assert all(seen(node) == START for node in nodes)


def test_of_every_network() -> None:
    nodes = [NodeFactory(network=NetworkFactory(), online=True, last_seen=START) for _ in range(2)]
    presence_store().touch({node.pk: START + MINUTE for node in nodes})
    assert [task(), task()] == [2, 0]
