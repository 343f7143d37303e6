"""Routes: what is offered, what is approved, and one router a prefix."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from mesh.addressing import pack
from mesh.errors import NotFoundError, ValidationError
from nodes.models import Change, Network, Route
from nodes.services.routes import (
    parse_prefixes,
    replace_routes,
    set_route_approval,
)
from tests.factories import NetworkFactory, NodeFactory
from tests.nodes.routing import ACT, LAN, approve, changed_nodes, offer, primary_of, router

pytestmark = pytest.mark.django_db


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory(ipv6_range="fd00:1::/48")
    return made


# --- which prefixes


def test_normal_form_without_doubles(network: Network) -> None:
    assert parse_prefixes(network, ["2001:DB8::/32", "192.168.7.9", LAN, LAN, "0.0.0.0/0"]) == [
        "2001:db8::/32",
        "192.168.7.9/32",
        LAN,
        "0.0.0.0/0",
    ]


OF_THE_MESH = ["10.1.0.0/16", "10.0.0.0/8", "10.1.2.3/32", "fd00:1::/48", "fd00:1:0:7::/64", "fd00::/8"]
OF_NO_USE = ["127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10", "224.0.0.0/4", "ff00::/8", "0.0.0.0/32", "::/128"]
NO_PREFIXES = ["192.168.7.1/24", "::ffff:192.168.7.0/120", "2001:db8::%eth0/32", "nonsense", ""]


@pytest.mark.parametrize("prefix", [*OF_THE_MESH, *OF_NO_USE, *NO_PREFIXES])
def test_prefixes_that_nobody_serves(network: Network, prefix: str) -> None:
    with pytest.raises(ValidationError) as error:
        parse_prefixes(network, [LAN, prefix])
    assert [item.field for item in error.value.errors] == ["routes.1"]


def test_a_prefix_spans_its_addresses_for_the_index(network: Network) -> None:
    offer(NodeFactory(network=network), LAN)
    route = Route.objects.get()
    assert (route.first, route.last) == (pack(ip_address("192.168.7.0")), pack(ip_address("192.168.7.255")))


# --- offering and approving


def test_an_offer_is_not_in_force(network: Network) -> None:
    node = NodeFactory(network=network)
    assert offer(node, LAN) == [LAN]
    assert primary_of(network) == []


def test_an_approval_makes_it_so(network: Network) -> None:
    node = router(network, LAN)
    assert primary_of(network) == [node.pk]
    assert changed_nodes() == {node.pk}


def test_a_withdrawn_offer_keeps_its_approval(network: Network) -> None:
    node = router(network, LAN)
    offer(node)
    assert primary_of(network) == []
    offer(node, LAN)
    assert primary_of(network) == [node.pk]


def test_a_withdrawn_approval(network: Network) -> None:
    node = router(network, LAN)
    approve(node, LAN, approved=False)
    assert primary_of(network) == []
    assert Route.objects.get().advertised


def test_neither_offered_nor_approved_is_gone(network: Network) -> None:
    node = router(network, LAN)
    offer(node)
    approve(node, LAN, approved=False)
    assert not Route.objects.exists()


@pytest.mark.parametrize("prefix", ["192.168.8.0/24", "nonsense"])
def test_what_was_never_offered_is_not_approved(network: Network, prefix: str) -> None:
    node = router(network, LAN)
    with pytest.raises(NotFoundError):
        approve(node, LAN, prefix)


def test_approving_twice_is_no_change(network: Network) -> None:
    node = router(network, LAN)
    before = Change.objects.count()
    approve(node, LAN)
    assert Change.objects.count() == before


def test_of_a_node_that_is_gone(db: None) -> None:
    with pytest.raises(NotFoundError):
        replace_routes(node_id=9, prefixes=[LAN], **ACT)
    with pytest.raises(NotFoundError):
        set_route_approval(node_id=9, prefixes=[LAN], approved=True, **ACT)
