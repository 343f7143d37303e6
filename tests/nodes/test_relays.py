"""Relay regions and servers, and the nodes at home in them."""

from __future__ import annotations

from typing import Any

import pytest

from mesh.change import Cause
from mesh.errors import NotFoundError, ValidationError
from nodes.models import Change, Network, Node, RelayRegion, RelayServer
from nodes.services.relays import delete_region, delete_server, save_region, save_server
from tests.factories import NetworkFactory, NodeFactory, RelayRegionFactory, RelayServerFactory
from tests.fixtures import START

pytestmark = pytest.mark.django_db
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory()
    return made


def save(network: Network, **fields: Any) -> RelayRegion:
    region: dict[str, Any] = {"number": 3, "code": "fra", "name": "Frankfurt"}
    return save_region(network_id=network.pk, **(region | fields), **ACT)


def test_a_region_is_a_change_with_all_relays(network: Network) -> None:
    save(network)
    change = Change.objects.get()
    assert change.kind == "network"
    assert [region["code"] for region in change.facts["network"]["relay_regions"]] == ["fra"]


def test_changing_one(network: Network) -> None:
    region = save(network)
    save(network, region_id=region.pk, name="Frankfurt am Main")
    assert RelayRegion.objects.get().name == "Frankfurt am Main"


@pytest.mark.parametrize("fields", [{"number": 0}, {"code": ""}, {"code": "a b"}, {"name": ""}, {"code": "a" * 17}])
def test_a_refused_region(network: Network, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as error:
        save(network, **fields)
    assert error.value.errors[0].field == next(iter(fields))
    assert not RelayRegion.objects.exists()


@pytest.mark.parametrize("fields", [{"code": "ams"}, {"number": 4}])
def test_number_and_code_stand_once_in_a_network(network: Network, fields: dict[str, Any]) -> None:
    save(network)
    save(NetworkFactory())
    with pytest.raises(ValidationError):
        save(network, **fields)


def test_a_region_of_another_network(network: Network) -> None:
    with pytest.raises(NotFoundError):
        save(network, region_id=RelayRegionFactory().pk)


def test_servers(network: Network) -> None:
    region = save(network)
    server = save_server(region_id=region.pk, fields={"name": "fra1", "host": "fra1.example.com", "port": 8443}, **ACT)
    save_server(region_id=region.pk, server_id=server.pk, fields={"ipv4": "192.0.2.1"}, **ACT)
    stored = RelayServer.objects.get()
    assert (stored.host, stored.port, stored.stun_port, stored.ipv4) == ("fra1.example.com", 8443, 3478, "192.0.2.1")
    delete_server(server_id=server.pk, **ACT)
    assert not RelayServer.objects.exists()
    assert Change.objects.count() == 4


@pytest.mark.parametrize(
    "fields", [{"port": 0}, {"stun_port": 65536}, {"ipv4": "fd00::1"}, {"ipv6": "1.2.3.4"}, {"host": ""}]
)
def test_a_refused_server(network: Network, fields: dict[str, Any]) -> None:
    region = save(network)
    with pytest.raises(ValidationError) as error:
        save_server(region_id=region.pk, fields={"name": "fra1", "host": "fra1.example.com"} | fields, **ACT)
    assert error.value.errors[0].field == next(iter(fields))


def test_what_is_not_there(network: Network) -> None:
    for action in (
        lambda: delete_region(region_id=9, **ACT),
        lambda: delete_server(server_id=9, **ACT),
        lambda: save_server(region_id=9, fields={}, **ACT),
        lambda: save_server(region_id=save(network).pk, server_id=RelayServerFactory().pk, fields={}, **ACT),
    ):
        with pytest.raises(NotFoundError):
            action()


@pytest.mark.parametrize("how", ["delete", "renumber"])
def test_nodes_move_when_their_region_goes(network: Network, how: str) -> None:
    region = save(network)
    save(network, number=4, code="ams", name="Amsterdam")
    moved = NodeFactory(network=network, home_region=3, relay_latency_ms={"3": 5, "4": 9})
    homeless = NodeFactory(network=network, home_region=3)
    settled = NodeFactory(network=network, home_region=4, relay_latency_ms={"3": 1, "4": 9})
    stranger = NodeFactory(home_region=3)
    if how == "delete":
        delete_region(region_id=region.pk, **ACT)
    else:
        save(network, region_id=region.pk, number=7)
    assert dict(Node.objects.values_list("pk", "home_region")) == {
        moved.pk: 4,
        homeless.pk: None,
        settled.pk: 4,
        stranger.pk: 3,
    }
    change = Change.objects.latest("version")
    assert change.facts["homes"] == [{"region": 4, "nodes": [moved.pk]}, {"region": None, "nodes": [homeless.pk]}]
    assert change.facts["network"]["relay_regions"][0]["id"] == 4
    assert Change.objects.count() == 3


def test_a_server_that_moved_is_another_one(network: Network) -> None:
    dead = {"alive": False, "failures": 3, "fault": "silent", "failing_since": START, "checked_at": START}
    server = RelayServerFactory(region=RelayRegionFactory(network=network), **dead)
    save_server(region_id=server.region_id, server_id=server.pk, fields={"name": "other"}, **ACT)
    assert not RelayServer.objects.get().alive
    save_server(region_id=server.region_id, server_id=server.pk, fields={"host": "other.example.com"}, **ACT)
    stored = RelayServer.objects.get()
    assert (stored.alive, stored.failures, stored.fault, stored.failing_since) == (True, 0, "", None)
