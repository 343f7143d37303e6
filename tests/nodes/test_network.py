"""A network's settings: read, kept in normal form, and only where nothing in use depends on them."""

from __future__ import annotations

from typing import Any

import pytest

from mesh.change import Cause
from mesh.errors import ConflictError, NotFoundError, ValidationError
from nodes.models import Address, Change, Network, Node
from nodes.services.addresses import complete_addresses
from nodes.services.network import update_network
from nodes.tasks import give_addresses
from tests.factories import AddressFactory, DnsRecordFactory, NetworkFactory, NodeFactory
from tests.fixtures import START

pytestmark = pytest.mark.django_db
ACT: dict[str, Any] = {"cause": Cause.user(7), "now": START}


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory(name="mesh", domain="mesh.ghost")
    return made


def put(network: Network, **changes: Any) -> Network:
    update_network(network_id=network.pk, changes=changes, **ACT)
    return Network.objects.get(pk=network.pk)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("domain", "Other.Ghost.", "other.ghost"),
        ("ipv4_range", "10.7.0.0/16", "10.7.0.0/16"),
        ("ipv6_range", "FD00:7::/48", "fd00:7::/48"),
        ("ipv6_range", "", None),
        ("excluded", ["10.1.0.9", "10.1.0.20-10.1.0.30"], ["10.1.0.9", "10.1.0.20-10.1.0.30"]),
        ("keepalive_seconds", 5, 5),
        ("grace_seconds", 0, 0),
        ("lease_seconds", 3600, 3600),
        ("quarantine_seconds", 90_000, 90_000),
        ("max_peers", 10, 10),
        ("key_rotation_seconds", 0, 0),
        ("approve_nodes", True, True),
        ("magic_dns", False, False),
        ("nameservers", ["2620:FE::FE", "9.9.9.9"], ["2620:fe::fe", "9.9.9.9"]),
        ("split_dns", {"Corp.Example": ["10.0.0.53"]}, {"corp.example": ["10.0.0.53"]}),
        ("search_domains", ["Corp.Example"], ["corp.example"]),
    ],
)
def test_a_setting_is_one_change(network: Network, name: str, value: Any, kept: Any) -> None:
    before = network.map_version
    after = put(network, **{name: value})
    assert getattr(after, name) == kept
    change = Change.objects.latest("version")
    assert (after.map_version, change.version) == (before + 1, before + 1)
    assert (change.kind, change.actor) == ("network", "user:7")
    again = put(network, **{name: value})
    assert again.map_version == before + 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("domain", "no domain"),
        ("domain", "a.1"),
        ("ipv4_range", "10.7.0.1/16"),
        ("ipv4_range", "fd00::/48"),
        ("ipv4_range", "127.0.0.0/8"),
        ("ipv6_range", "10.7.0.0/16"),
        ("ipv6_range", "fe80::/64"),
        ("excluded", ["nonsense"]),
        ("excluded", ["10.1.0.9-10.1.0.1"]),
        ("keepalive_seconds", 0),
        ("lease_seconds", 59),
        ("quarantine_seconds", 43199),
        ("quarantine_seconds", 10**12),
        ("lease_seconds", 86401),
        ("max_peers", 0),
        ("max_peers", 10**12),
        ("nameservers", ["resolver.example"]),
        ("split_dns", {"corp.example": ["x"]}),
        ("split_dns", {"no domain": ["10.0.0.53"]}),
        ("search_domains", [""]),
        ("name", "other"),
        ("map_version", 1),
    ],
)
def test_refused_with_the_name_of_the_setting(network: Network, name: str, value: Any) -> None:
    before = Network.objects.values().get()
    with pytest.raises(ValidationError) as error:
        put(network, **{name: value})
    assert error.value.errors[0].field in (name, "quarantine_seconds")
    assert Network.objects.values().get() == before


def test_lease_and_quarantine_together(network: Network) -> None:
    after = put(network, lease_seconds=200_000, quarantine_seconds=200_000)
    assert after.lease_seconds == after.quarantine_seconds == 200_000


def test_every_fault_at_once(network: Network) -> None:
    with pytest.raises(ValidationError) as error:
        put(network, domain="no domain", max_peers=0, colour="red")
    assert {item.field for item in error.value.errors} == {"domain", "max_peers", "colour"}


def test_another_networks_domain(network: Network) -> None:
    NetworkFactory(domain="taken.ghost")
    with pytest.raises(ConflictError):
        put(network, domain="Taken.ghost")


@pytest.mark.parametrize("resting", [False, True])
def test_a_range_in_use(network: Network, resting: bool) -> None:
    AddressFactory(node=NodeFactory(network=network))
    if resting:
        Address.objects.update(node=None, quarantined_until=START)
    with pytest.raises(ConflictError):
        put(network, ipv4_range="10.7.0.0/16")
    assert put(network, ipv6_range="fd00:7::/48").ipv6_range == "fd00:7::/48"


def test_what_is_not_there(db: None) -> None:
    with pytest.raises(NotFoundError):
        update_network(network_id=9, changes={}, **ACT)


def test_a_domain_under_which_a_record_would_be_a_node(network: Network) -> None:
    NodeFactory(network=network, name="nas")
    DnsRecordFactory(network=network, name="nas.corp.ghost")
    with pytest.raises(ConflictError, match=r"nas\.corp\.ghost"):
        put(network, domain="corp.ghost")
    assert Network.objects.get().domain == "mesh.ghost"


def test_a_domain_where_records_and_nodes_have_different_names(network: Network) -> None:
    NodeFactory(network=network, name="web")
    DnsRecordFactory(network=network, name="nas.corp.ghost")
    DnsRecordFactory(network=network, name="deep.web.corp.ghost")
    DnsRecordFactory(network=NetworkFactory(), name="web.corp.ghost")
    assert put(network, domain="corp.ghost").domain == "corp.ghost"


# --- IPv6 that comes later


@pytest.fixture
def old(network: Network) -> list[Node]:
    """Nodes with IPv4 alone."""
    put(network, ipv6_range=None)
    nodes = [NodeFactory(network=network) for _ in range(5)]
    for node in nodes:
        AddressFactory(network=network, node=node)
    return nodes


def ipv6_of(nodes: list[Node]) -> list[str]:
    rows = Address.objects.filter(node__in=nodes, family=6).order_by("node_id")
    return list(rows.values_list("address", flat=True))


def test_nodes_that_were_there_get_an_address(network: Network, old: list[Node]) -> None:
    before = Network.objects.get().map_version
    after = update_network(network_id=network.pk, changes={"ipv6_range": "fd00:7::/48"}, **ACT)
    assert len(set(ipv6_of(old))) == 5
    assert (after.map_version, Network.objects.get().map_version) == (before + 2, before + 2)
    change = Change.objects.latest("version")
    assert (change.kind, change.actor) == ("nodes", "user:7")
    assert [fact["addresses"][1] for fact in change.facts["nodes"]] == ipv6_of(old)


def test_in_batches_the_lowest_ids_first(network: Network, old: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodes.services.network.complete_addresses", lambda **_: 0)
    put(network, ipv6_range="fd00:7::/48")
    before = Network.objects.get().map_version
    act = {"network_id": network.pk, "limit": 2, **ACT}
    assert complete_addresses(**act) == 2
    assert len(ipv6_of(old[:2])) == 2
    assert [complete_addresses(**act) for _ in range(3)] == [2, 1, 0]
    assert (len(ipv6_of(old)), Network.objects.get().map_version) == (5, before + 3)


def test_the_task_goes_on(network: Network, old: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodes.services.network.complete_addresses", lambda **_: 0)
    put(network, ipv6_range="fd00:7::/48")
    assert [give_addresses(), give_addresses()] == [5, 0]


def test_a_pool_that_is_too_small_serves_whom_it_can(network: Network, old: list[Node]) -> None:
    put(network, ipv6_range="fd00:7::/126")
    assert 0 < len(ipv6_of(old)) < 5
    assert complete_addresses(network_id=network.pk, **ACT) == 0


def test_a_network_without_ipv6_is_complete(network: Network, old: list[Node]) -> None:
    before = Network.objects.get().map_version
    assert complete_addresses(network_id=network.pk, **ACT) == 0
    assert Network.objects.get().map_version == before
