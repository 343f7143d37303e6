"""Names: the reported hostname made a label, unique, and never one with a meaning of its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from acl.services.hosts import save_host
from coordinator.lifecycle import delete_node, rename_node
from mesh.change import Cause
from mesh.errors import ConflictError
from nodes.models import Network, Node
from nodes.services.dns import save_record
from sessions_app.models import User
from tests.agents import Machine
from tests.factories import NodeFactory
from tests.fixtures import START, Clock, Join, KeyOf

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}


@pytest.fixture
def name(ana: User, join: Join) -> Any:
    """Registers a machine with a hostname and returns the name that it got."""
    return lambda hostname: join(ana, hostname).node.name


def test_the_lowest_that_is_free(name: Any) -> None:
    assert [name("web") for _ in range(3)] == ["web", "web-1", "web-2"]


def test_a_gap_is_filled(name: Any, clock: Clock) -> None:
    assert [name("web") for _ in range(3)] == ["web", "web-1", "web-2"]
    delete_node(node_id=Node.objects.get(name="web-1").pk, **ACT)
    assert name("web") == "web-3"
    clock.advance(hours=24)
    assert name("web") == "web-1"


def test_a_longer_name_is_another(name: Any) -> None:
    name("web-server")
    assert name("web") == "web"


def test_a_number_in_a_hostname_is_a_part_of_it(name: Any) -> None:
    assert [name("web-1"), name("web"), name("web"), name("web-1")] == ["web-1", "web", "web-2", "web-1-1"]


@pytest.mark.parametrize(
    ("hostname", "expected"),
    [
        ("WEB.corp.example", "web"),
        ("Ana's MacBook Pro", "anas-macbook-pro"),
        ("Büro", "buro"),
        ("---", "node"),
        ("日本", "xn--wgv71a"),
        ("a" * 70, "a" * 63),
    ],
)
def test_of_any_hostname(name: Any, hostname: str, expected: str) -> None:
    assert name(hostname) == expected


def test_long_and_international_names_are_numbered_too(name: Any) -> None:
    assert [name("a" * 63) for _ in range(2)] == ["a" * 63, "a" * 61 + "-1"]
    first, second = name("日本"), name("日本")
    assert first != second and second.startswith("xn--")


@pytest.mark.parametrize("hostname", ["localhost", "wpad", "portal", "isatap"])
def test_reserved_names(name: Any, hostname: str) -> None:
    assert name(hostname) == f"{hostname}-1"


def test_the_name_of_a_dns_record(network: Network, name: Any) -> None:
    for label in ("printer", "printer-2"):
        save_record(network_id=network.pk, name=f"{label}.mycompany.ghost", type="A", value="192.0.2.7", **ACT)
    assert [name("printer") for _ in range(2)] == ["printer-1", "printer-3"]


def test_a_name_that_the_policy_names(network: Network, name: Any) -> None:
    for host in ("db", "db-1"):
        save_host(network_id=network.pk, name=host, prefix="192.0.2.7", **ACT)
    assert name("db") == "db-2"


def test_quarantine(name: Any, clock: Clock) -> None:
    name("web")
    delete_node(node_id=Node.objects.get().pk, **ACT)
    assert name("web") == "web-1"
    clock.advance(hours=24)
    assert name("web") == "web"


def test_a_name_given_up_by_a_rename_rests_too_but_for_its_node(name: Any) -> None:
    name("web")
    node_id = Node.objects.get().pk
    rename_node(node_id=node_id, name="frontend", **ACT)
    assert name("web") == "web-1"
    other = Node.objects.get(name="web-1").pk
    with pytest.raises(ConflictError):
        rename_node(node_id=other, name="web", **ACT)
    assert rename_node(node_id=node_id, name="web", **ACT).name == "web"


def test_each_network_has_its_own_names(name: Any) -> None:
    NodeFactory(name="web")
    assert name("web") == "web"


def test_a_thousand_machines_of_one_image_cost_no_more_queries_than_two(
    network: Network, ana: User, key_of: KeyOf
) -> None:
    key = key_of(ana, reusable=True)
    Machine("web").register(key)

    def queries() -> int:
        machine = Machine("web")
        machine.challenge()
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert machine.register(key).status_code == 201
        return len(captured)

    few = queries()
    for number in range(2, 60):
        NodeFactory(network=network, name=f"web-{number}", owner=ana)
    assert queries() == few
    assert Machine("web").register(key).json()["node"]["name"] == "web-61"
