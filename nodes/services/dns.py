"""DNS records of a network."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address

from django.db import transaction

from mesh.change import Cause, ChangeKind
from mesh.errors import ConflictError, FieldError, NotFoundError, ValidationError
from mesh.names import validate_domain
from nodes.changes import lock_network, record_change
from nodes.facts import network_facts
from nodes.models import DnsRecord, Network, Node
from nodes.services.relays import save_checked


@transaction.atomic
def save_record(
    *,
    network_id: int,
    name: str,
    type: str,
    value: str,
    cause: Cause,
    now: datetime,
    record_id: int | None = None,
) -> DnsRecord:
    """Creates a record, or with ``record_id`` changes one.

    Raises ValidationError (no domain name, an address of the other family), ConflictError (a node's name),
    NotFoundError.
    """
    network = lock_network(network_id)
    record = DnsRecord(network=network)
    if record_id is not None:
        found = DnsRecord.objects.filter(network=network, pk=record_id).first()
        if found is None:
            raise NotFoundError(f"There is no DNS record {record_id}.")
        record = found
    write_record(network=network, record=record, name=name, type=type, value=value)
    _record(network, cause, now)
    return record


def write_record(*, network: Network, record: DnsRecord, name: str, type: str, value: str) -> None:
    """Checks and saves one record under the network's lock."""
    try:
        name = validate_domain(name)
    except ValidationError as error:
        raise ValidationError("The record is refused.", errors=(FieldError("name", error.detail),)) from error
    label = name.removesuffix(f".{network.domain}")
    if label != name and Node.objects.filter(network=network, name=label).exists():
        raise ConflictError(f"{name} is the name of a node.")
    record.name, record.type, record.value = name, type, value
    save_checked(record)
    if (ip_address(value).version == 6) != (type == DnsRecord.Type.AAAA):
        message = f"A record of type {type} cannot hold {value}."
        raise ValidationError(message, errors=(FieldError("value", message),))


@transaction.atomic
def delete_record(*, record_id: int, cause: Cause, now: datetime) -> None:
    """Removes a record. Raises NotFoundError."""
    record = DnsRecord.objects.filter(pk=record_id).first()
    if record is None:
        raise NotFoundError(f"There is no DNS record {record_id}.")
    network = lock_network(record.network_id)
    record.delete()
    _record(network, cause, now)


def _record(network: Network, cause: Cause, now: datetime) -> None:
    facts = network_facts(network.pk)
    record_change(network=network, kind=ChangeKind.NETWORK, facts=facts, cause=cause, now=now)
