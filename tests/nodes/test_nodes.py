"""Operations on node rows: endpoints, reported facts, tags, removal; and what the database itself refuses."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from mesh.change import Cause
from mesh.errors import NotFoundError, ValidationError
from nodes.models import Address, Change, Endpoint, NameReservation, Node, NodeTag, RetiredKey
from nodes.services.endpoints import replace_endpoints, write_endpoints
from nodes.services.nodes import ReportedFacts, apply_reported, check_latencies, check_posture, remove_node, write_tags
from tests.factories import (
    AddressFactory,
    EndpointFactory,
    NameReservationFactory,
    NetworkFactory,
    NodeFactory,
    NodeTagFactory,
    RelayRegionFactory,
    RouteFactory,
    TaggedNodeFactory,
    UserFactory,
)
from tests.fixtures import START

pytestmark = pytest.mark.django_db
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}


@pytest.fixture
def web() -> Node:
    node: Node = NodeFactory(name="web")
    return node


# --- endpoints


def test_endpoints_in_order_with_their_kind(web: Node) -> None:
    given = ["192.168.1.7:51820", "203.0.113.9:51820", "[2001:DB8::1]:1"]
    normal = replace_endpoints(node_id=web.pk, endpoints=given, **ACT)
    assert normal == ["192.168.1.7:51820", "203.0.113.9:51820", "[2001:db8::1]:1"]
    assert list(Endpoint.objects.values_list("position", "kind")) == [(0, "local"), (1, "public"), (2, "public")]
    assert Change.objects.get().facts == {"endpoints": {str(web.pk): normal}}


def test_the_same_endpoints_are_no_change(web: Node) -> None:
    for spelling in ("[2001:DB8::1]:1", "[2001:db8:0::1]:1"):
        replace_endpoints(node_id=web.pk, endpoints=[spelling], **ACT)
    assert Change.objects.count() == 1


def test_another_order_is_one(web: Node) -> None:
    replace_endpoints(node_id=web.pk, endpoints=["203.0.113.9:1", "203.0.113.9:2"], **ACT)
    replace_endpoints(node_id=web.pk, endpoints=["203.0.113.9:2", "203.0.113.9:1"], **ACT)
    assert Change.objects.count() == 2
    assert [row.address for row in web.endpoints.all()] == ["203.0.113.9:2", "203.0.113.9:1"]


def test_a_refused_endpoint_leaves_the_others(web: Node) -> None:
    replace_endpoints(node_id=web.pk, endpoints=["203.0.113.9:1"], **ACT)
    with pytest.raises(ValidationError):
        replace_endpoints(node_id=web.pk, endpoints=["203.0.113.9:2", "10.1.0.9:1"], **ACT)
    assert [row.address for row in web.endpoints.all()] == ["203.0.113.9:1"]


def test_endpoints_of_a_node_that_is_gone(db: None) -> None:
    with pytest.raises(NotFoundError):
        replace_endpoints(node_id=9, endpoints=[], **ACT)


def test_writing_says_whether_anything_differs(web: Node) -> None:
    write: dict[str, Any] = {"network": web.network, "node": web}
    assert write_endpoints(**write, endpoints=["203.0.113.9:1"])
    assert not write_endpoints(**write, endpoints=["203.0.113.9:1"])
    assert write_endpoints(**write, endpoints=[])


# --- reported facts


def test_silence_changes_nothing(web: Node) -> None:
    assert not apply_reported(network=web.network, node=web, reported=ReportedFacts())


def test_a_home_is_chosen_among_the_regions_that_there_are(web: Node) -> None:
    RelayRegionFactory(network=web.network, number=3)
    RelayRegionFactory(number=4)
    assert apply_reported(network=web.network, node=web, reported=ReportedFacts(relay_latency_ms={"3": 50, "4": 1}))
    assert (web.home_region, web.relay_latency_ms) == (3, {"3": 50, "4": 1})


def test_latencies_have_one_spelling_of_a_region() -> None:
    assert check_latencies({"003": 5}) == {"3": 5}


@pytest.mark.parametrize("latencies", [{"": 1}, {"-3": 1}, {"३": 1}, {"3": float("nan")}, {"3": 60_001}, {"1" * 10: 1}])
def test_refused_latencies(latencies: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        check_latencies(latencies)


def test_posture_of_the_largest_size() -> None:
    posture: dict[str, Any] = {f"{number:0>256}": "x" * 256 for number in range(64)}
    assert check_posture(posture) == posture


@pytest.mark.parametrize("value", ["ä" * 129, 10**300, None, [1]])
def test_refused_posture(value: Any) -> None:
    with pytest.raises(ValidationError):
        check_posture({"a": value})


# --- tags and removal


def test_tags_become_exactly_these(db: None) -> None:
    node = TaggedNodeFactory(tags=["tag:a", "tag:b"])
    kept = NodeTag.objects.get(tag="tag:b").pk
    write_tags(node=node, tags=["tag:b", "tag:c", "tag:c"])
    assert list(node.tags.values_list("tag", flat=True)) == ["tag:b", "tag:c"]
    assert NodeTag.objects.get(tag="tag:b").pk == kept


@pytest.mark.parametrize("retire", [False, True])
def test_removal(web: Node, retire: bool) -> None:
    address = AddressFactory(node=web)
    EndpointFactory(node=web)
    RouteFactory(node=web)
    with transaction.atomic():
        assert remove_node(network=web.network, node=web, retire_key=retire, now=START) == set()
    address.refresh_from_db()
    assert address.node is None and address.quarantined_until is not None
    assert NameReservation.objects.get().name == "web"
    assert RetiredKey.objects.exists() is retire
    assert not Endpoint.objects.exists()


# --- what the database itself refuses

DOUBLES: dict[str, Any] = {
    "a key": lambda node: NodeFactory(public_key=node.public_key),
    "a name in a network": lambda node: NodeFactory(network=node.network, name=node.name),
    "a tag of a node": lambda node: [NodeTagFactory(node=node, tag="tag:a") for _ in range(2)],
    "an endpoint of a node": lambda node: [
        EndpointFactory(node=node, position=number, address="203.0.113.9:1") for number in range(2)
    ],
    "a place among the endpoints": lambda node: [
        EndpointFactory(node=node, position=0, address=f"203.0.113.9:{number + 1}") for number in range(2)
    ],
    "a route of a node": lambda node: [RouteFactory(node=node, prefix="192.168.7.0/24") for _ in range(2)],
    "a reserved name": lambda node: [NameReservationFactory(network=node.network, name="a") for _ in range(2)],
    "the domain of a network": lambda node: NetworkFactory(domain=node.network.domain),
}


@pytest.mark.parametrize("double", DOUBLES.values(), ids=DOUBLES.keys())
def test_what_there_is_once(web: Node, double: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        double(web)


@pytest.mark.parametrize(
    "facts",
    [
        {"tagged": True},
        {"state": "deleted"},
        {"listen_port": 0},
        {"listen_port": 65_536},
        {"name": ""},
        {"public_key": ""},
    ],
)
def test_rows_that_cannot_be(web: Node, facts: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Node.objects.filter(pk=web.pk).update(**facts)


def test_a_tag_has_its_prefix(web: Node) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        NodeTagFactory(node=web, tag="db")


def test_the_same_name_in_another_network(web: Node) -> None:
    assert NodeFactory(name="web").name == "web"


def test_a_person_with_nodes_and_a_network_with_nodes_stay(web: Node) -> None:
    for row in (web.owner, web.network):
        assert row is not None
        with pytest.raises(ProtectedError):
            row.delete()
    UserFactory().delete()
    assert Address.objects.count() == 0
