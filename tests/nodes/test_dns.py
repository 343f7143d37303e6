"""DNS records of a network."""

from __future__ import annotations

from typing import Any

import pytest

from mesh.change import Cause
from mesh.errors import ConflictError, NotFoundError, ValidationError
from nodes.models import Change, DnsRecord, Network
from nodes.services.dns import delete_record, save_record
from tests.factories import DnsRecordFactory, NetworkFactory, NodeFactory
from tests.fixtures import START

pytestmark = pytest.mark.django_db
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory(domain="mesh.ghost")
    return made


def save(network: Network, **fields: Any) -> DnsRecord:
    record = {"name": "printer.mesh.ghost", "type": "A", "value": "192.0.2.7"} | fields
    return save_record(network_id=network.pk, **record, **ACT)


def test_a_record_is_a_change_with_all_records(network: Network) -> None:
    save(network, name="Printer.Mesh.Ghost.")
    (record,) = Change.objects.get().facts["network"]["dns_records"]
    assert record == {"name": "printer.mesh.ghost", "type": "A", "value": "192.0.2.7"}


def test_several_values_of_a_name(network: Network) -> None:
    save(network)
    save(network, value="192.0.2.8")
    save(network, type="AAAA", value="2001:db8::7")
    assert DnsRecord.objects.count() == 3


def test_changing_one(network: Network) -> None:
    record = save(network)
    save(network, record_id=record.pk, value="192.0.2.9")
    assert DnsRecord.objects.get().value == "192.0.2.9"


def test_removing_one(network: Network) -> None:
    delete_record(record_id=save(network).pk, **ACT)
    assert Change.objects.latest("version").facts["network"]["dns_records"] == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "no name"}, "name"),
        ({"name": ""}, "name"),
        ({"type": "MX"}, "type"),
        ({"value": "nonsense"}, "value"),
        ({"value": "2001:db8::7"}, "value"),
        ({"type": "AAAA"}, "value"),
    ],
)
def test_a_refused_record(network: Network, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as error:
        save(network, **fields)
    assert error.value.errors[0].field == field
    assert not DnsRecord.objects.exists()


def test_the_same_record_twice(network: Network) -> None:
    save(network)
    with pytest.raises(ValidationError):
        save(network)


def test_the_name_of_a_node(network: Network) -> None:
    NodeFactory(network=network, name="printer")
    with pytest.raises(ConflictError):
        save(network)
    save(network, name="printer.example")
    NodeFactory(name="scanner")
    save(network, name="scanner.mesh.ghost")


def test_what_is_not_there(network: Network) -> None:
    with pytest.raises(NotFoundError):
        delete_record(record_id=9, **ACT)
    with pytest.raises(NotFoundError):
        save(network, record_id=DnsRecordFactory().pk)
