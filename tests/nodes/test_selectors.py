"""Finding networks and nodes, and reading them whole in few queries."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mesh.errors import NotFoundError, ValidationError
from nodes.models import Network, Node
from nodes.selectors import find_node, get_network, load_network_record, load_node_records
from tests.factories import (
    AddressFactory,
    DnsRecordFactory,
    EndpointFactory,
    NetworkFactory,
    NodeFactory,
    RelayServerFactory,
    RouteFactory,
    TaggedNodeFactory,
)
from tests.fixtures import START

pytestmark = pytest.mark.django_db


def test_the_only_network_needs_no_name() -> None:
    with pytest.raises(NotFoundError):
        get_network()
    network = NetworkFactory(name="one")
    assert get_network() == get_network("one") == network
    with pytest.raises(NotFoundError):
        get_network("two")
    NetworkFactory(name="two")
    with pytest.raises(ValidationError):
        get_network()


@pytest.fixture
def web() -> Node:
    node: Node = NodeFactory(name="web", network=NetworkFactory(domain="mesh.ghost", ipv6_range="fd00:1::/48"))
    AddressFactory(node=node, number=7)
    AddressFactory(node=node, number=0x77, family=6)
    return node


@pytest.mark.parametrize(
    "reference",
    ["web", "WEB", "web.mesh.ghost", "web.mesh.ghost.", "10.1.0.7", "fd00:1::77", "FD00:1:0:0::77", "id"],
)
def test_by_any_of_its_names(web: Node, reference: str) -> None:
    assert find_node(web.network_id, str(web.pk) if reference == "id" else reference) == web


@pytest.mark.parametrize(
    "reference", ["", "db", "10.1.0.8", "fd00:1::78", "a:b", "1.2.3.x", "::", "%", "9" * 40, "web.other.ghost", "we"]
)
def test_nothing_is_called_so(web: Node, reference: str) -> None:
    with pytest.raises(NotFoundError):
        find_node(web.network_id, reference)


def test_only_in_its_network(web: Node) -> None:
    other = NetworkFactory()
    for reference in ("web", str(web.pk), "10.1.0.7"):
        with pytest.raises(NotFoundError):
            find_node(other.pk, reference)


def test_a_record_says_all_of_a_node(web: Node) -> None:
    EndpointFactory(node=web, position=1, address="203.0.113.9:2")
    EndpointFactory(node=web, position=0, address="203.0.113.9:1")
    RouteFactory(node=web, prefix="192.168.7.0/24", approved=True, primary=True)
    (record,) = load_node_records(web.network_id)
    assert (record.id, record.name, record.key, record.user) == (web.pk, "web", web.public_key, web.owner_id)
    assert record.addresses == ("10.1.0.7", "fd00:1::77")
    assert record.endpoints == ("203.0.113.9:1", "203.0.113.9:2")
    (route,) = record.routes
    assert (route.prefix, route.advertised, route.approved, route.primary) == ("192.168.7.0/24", True, True, True)


def test_a_resting_address_belongs_to_nobody(web: Node) -> None:
    web.addresses.filter(family=4).update(node=None, quarantined_until=START)
    (record,) = load_node_records(web.network_id)
    assert record.addresses == ("fd00:1::77",)


def test_some_nodes_or_all_of_one_network(web: Node) -> None:
    tagged = TaggedNodeFactory(network=web.network, tags=["tag:b", "tag:a"])
    NodeFactory()
    assert [record.id for record in load_node_records(web.network_id)] == [web.pk, tagged.pk]
    (record,) = load_node_records(web.network_id, [tagged.pk])
    assert (record.tags, record.user, record.addresses) == (("tag:a", "tag:b"), None, ())
    assert load_node_records(web.network_id, []) == []


def test_five_queries_whatever_the_size(web: Node) -> None:
    for number in range(10):
        AddressFactory(node=NodeFactory(network=web.network), number=number + 20)
    with CaptureQueriesContext(connection) as captured:
        assert len(load_node_records(web.network_id)) == 11
    assert len(captured) == 5


def test_a_networks_record(web: Node) -> None:
    network = web.network
    server = RelayServerFactory(region__network=network, region__number=3)
    RelayServerFactory()
    DnsRecordFactory(network=network, name="p.example", value="192.0.2.9")
    record = load_network_record(network.pk)
    assert (record.id, record.domain, record.version) == (network.pk, "mesh.ghost", network.map_version)
    (region,) = record.relay_regions
    assert (region.id, [item.host for item in region.nodes]) == (3, [server.host])
    assert [(item.name, item.type, item.value) for item in record.dns_records] == [("p.example", "A", "192.0.2.9")]


def test_no_network_no_record() -> None:
    with pytest.raises(NotFoundError):
        load_network_record(Network.objects.count() + 9)
