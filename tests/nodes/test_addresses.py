"""Addresses given out and taken back: both families or nothing, never twice, and no sooner than it is safe."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from mesh.addressing import pack
from mesh.change import Cause
from mesh.errors import ConflictError, ResourceExhaustedError, ValidationError
from nodes.changes import lock_network
from nodes.models import Address, Network, Node
from nodes.services import addresses as service
from nodes.services.addresses import allocate_addresses, fix_address, release_addresses
from nodes.services.network import update_network
from tests.factories import AddressFactory, NetworkFactory, NodeFactory
from tests.fixtures import START

pytestmark = pytest.mark.django_db
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}
DAY = timedelta(days=1)


@pytest.fixture
def network() -> Network:
    """Four IPv4 addresses (.2 to .5), four IPv6 ones, a day of quarantine."""
    made: Network = NetworkFactory(
        ipv4_range="10.1.0.0/29", ipv6_range="fd00:1::/125", excluded=["10.1.0.6", "fd00:1::6"]
    )
    return made


def give(network: Network, now: datetime = START) -> Node:
    """A node with addresses."""
    node: Node = NodeFactory(network=network)
    with transaction.atomic():
        allocate_addresses(network=lock_network(network.pk), node=node, now=now)
    return node


def take(node: Node, now: datetime = START) -> None:
    """The addresses of a node go into quarantine."""
    with transaction.atomic():
        release_addresses(network=lock_network(node.network_id), node=node, now=now)


def held(node: Node) -> list[str]:
    return [str(row.address) for row in Address.objects.filter(node=node).order_by("family")]


def exclude(network: Network, *texts: str) -> None:
    update_network(network_id=network.pk, changes={"excluded": list(texts)}, **ACT)


def test_one_of_each_family_from_the_beginning(network: Network) -> None:
    assert [held(give(network)) for _ in range(2)] == [["10.1.0.2", "fd00:1::2"], ["10.1.0.3", "fd00:1::3"]]


def test_a_network_without_ipv6(db: None) -> None:
    assert held(give(NetworkFactory(ipv6_range=None))) == ["10.1.0.2"]


def test_both_families_or_nothing(network: Network) -> None:
    exclude(network, "10.1.0.6", "fd00:1::3-fd00:1::6")
    give(network)
    with pytest.raises(ResourceExhaustedError, match="IPv6"):
        give(network)
    assert Address.objects.filter(family=4).count() == 1
    exclude(network, "10.1.0.6", "fd00:1::4-fd00:1::6")
    assert held(give(network)) == ["10.1.0.3", "fd00:1::3"]


def test_a_released_address_rests(network: Network) -> None:
    nodes = [give(network) for _ in range(4)]
    take(nodes[0])
    row = Address.objects.get(address="10.1.0.2")
    assert (row.node, row.quarantined_until) == (None, START + DAY)
    with pytest.raises(ResourceExhaustedError):
        give(network, START + DAY - timedelta(seconds=1))
    assert held(give(network, START + DAY)) == ["10.1.0.2", "fd00:1::2"]


def test_what_was_never_used_comes_before_what_was(network: Network) -> None:
    take(give(network))
    assert held(give(network, START + 9 * DAY)) == ["10.1.0.3", "fd00:1::3"]


def test_the_longest_released_comes_first(network: Network) -> None:
    nodes = [give(network) for _ in range(4)]
    for number, index in enumerate((2, 0, 3)):
        take(nodes[index], START + timedelta(minutes=number))
    later = START + 2 * DAY
    assert [held(give(network, later))[0] for _ in range(3)] == ["10.1.0.4", "10.1.0.2", "10.1.0.5"]


def test_an_address_that_was_excluded_meanwhile_is_passed_over(network: Network) -> None:
    nodes = [give(network) for _ in range(4)]
    take(nodes[0])
    take(nodes[1], START + timedelta(minutes=1))
    exclude(network, "10.1.0.2", "10.1.0.6", "fd00:1::6")
    assert held(give(network, START + 2 * DAY)) == ["10.1.0.3", "fd00:1::2"]


def test_exclusions_that_are_lifted_are_given_out(network: Network) -> None:
    exclude(network, "10.1.0.2-10.1.0.4", "10.1.0.6", "fd00:1::6")
    assert held(give(network))[0] == "10.1.0.5"
    exclude(network, "10.1.0.6", "fd00:1::6")
    assert [held(give(network))[0] for _ in range(3)] == ["10.1.0.2", "10.1.0.3", "10.1.0.4"]


def test_who_holds_an_excluded_address_keeps_it(network: Network) -> None:
    node = give(network)
    exclude(network, "10.1.0.2", "10.1.0.6", "fd00:1::6")
    assert held(node)[0] == "10.1.0.2"


def test_the_quarantine_is_at_least_the_lease(network: Network) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Network.objects.filter(pk=network.pk).update(lease_seconds=2, quarantine_seconds=1)


# --- fixed by an administrator


def fix(node: Node, address: str, now: datetime = START) -> Address:
    with transaction.atomic():
        return fix_address(network=lock_network(node.network_id), node=node, address=address, now=now)


def test_the_very_address(network: Network) -> None:
    node = give(network)
    assert fix(node, "10.1.0.5").fixed
    assert held(node) == ["10.1.0.5", "fd00:1::2"]
    assert Address.objects.get(address="10.1.0.2").quarantined_until == START + DAY


def test_it_is_not_given_out_again(network: Network) -> None:
    fix(give(network), "10.1.0.3")
    assert [held(give(network))[0] for _ in range(2)] == ["10.1.0.4", "10.1.0.5"]
    with pytest.raises(ResourceExhaustedError):
        give(network)


def test_the_own_address_stays(network: Network) -> None:
    node = give(network)
    fix(node, "10.1.0.2")
    assert held(node)[0] == "10.1.0.2"
    assert Address.objects.count() == 2


def test_out_of_quarantine_early(network: Network) -> None:
    take(give(network))
    node = give(network)
    fix(node, "10.1.0.2")
    row = Address.objects.get(address="10.1.0.2")
    assert (row.node, row.quarantined_until) == (node, None)


def test_anothers_address(network: Network) -> None:
    first, second = give(network), give(network)
    with pytest.raises(ConflictError):
        fix(second, "10.1.0.2")
    assert (held(first)[0], held(second)[0]) == ("10.1.0.2", "10.1.0.3")


RESERVED = ["10.1.0.0", "10.1.0.1", "10.1.0.6", "10.1.0.7", "fd00:1::1"]
NO_ADDRESSES = ["10.2.0.2", "fd00:2::2", "::ffff:10.1.0.4", "nonsense", "", "10.1.0.4/32", "fd00:1::4%eth0"]


@pytest.mark.parametrize("address", [*RESERVED, *NO_ADDRESSES])
def test_addresses_that_no_node_may_hold(network: Network, address: str) -> None:
    node = give(network)
    with pytest.raises(ValidationError):
        fix(node, address)
    assert held(node) == ["10.1.0.2", "fd00:1::2"]


def test_no_ipv6_where_there_is_none(db: None) -> None:
    with pytest.raises(ValidationError):
        fix(give(NetworkFactory(ipv6_range=None)), "fd00:1::4")


def test_fixed_no_more_once_it_is_released(network: Network) -> None:
    node = give(network)
    fix(node, "10.1.0.5")
    take(node)
    assert not Address.objects.filter(fixed=True).exists()


# --- the database holds what the service promises


def test_an_address_is_held_once(network: Network) -> None:
    node = give(network)
    with pytest.raises(IntegrityError), transaction.atomic():
        AddressFactory(node=NodeFactory(network=network), address="10.1.0.2")
    assert held(node)[0] == "10.1.0.2"


def test_other_networks_have_the_same_addresses(network: Network) -> None:
    assert held(give(network)) == held(give(NetworkFactory(ipv6_range="fd00:1::/125")))


def test_one_address_a_family(network: Network) -> None:
    node = give(network)
    with pytest.raises(IntegrityError), transaction.atomic():
        AddressFactory(node=node, address="10.1.0.5")


@pytest.mark.parametrize("row", [{"node": None, "quarantined_until": None}, {"quarantined_until": START}])
def test_held_or_in_quarantine_and_never_both(network: Network, row: dict[str, Any]) -> None:
    give(network)
    with pytest.raises(IntegrityError), transaction.atomic():
        Address.objects.filter(address="10.1.0.2").update(**row)


# --- what it costs


def test_the_cost_does_not_grow(network: Network) -> None:
    wide = NetworkFactory()

    def statements() -> int:
        node = NodeFactory(network=wide)
        with CaptureQueriesContext(connection) as captured:
            allocate_addresses(network=Network.objects.get(pk=wide.pk), node=node, now=START)
        return len(captured)

    first = statements()
    for _ in range(30):
        give(wide)
    assert statements() == first


def test_the_way_over_used_addresses_is_taken_in_strides(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "STRIDE", 50)
    network = NetworkFactory(ipv6_range=None)
    node = NodeFactory(network=network)
    base = int(ip_address("10.1.0.0"))
    rows = [ip_address(base + offset) for offset in range(2, 202)]
    Address.objects.bulk_create(
        Address(network=network, family=4, address=str(row), packed=pack(row), quarantined_until=START + DAY)
        for row in rows
    )
    with CaptureQueriesContext(connection) as captured:
        (given,) = allocate_addresses(network=network, node=node, now=START)
    assert given.address == "10.1.0.202"
    assert len(captured) < 10
