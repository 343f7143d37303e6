"""Relay regions and their servers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import models, transaction

from mesh.change import Cause, ChangeKind
from mesh.errors import FieldError, NotFoundError, ValidationError
from mesh.relays import choose_home
from nodes.changes import lock_network, record_change
from nodes.facts import network_facts, node_facts
from nodes.models import Network, Node, RelayRegion, RelayServer

SERVER_FIELDS: Final = ("name", "host", "ipv4", "ipv6", "port", "stun_port")


@transaction.atomic
def save_region(
    *,
    network_id: int,
    number: int,
    code: str,
    name: str,
    cause: Cause,
    now: datetime,
    region_id: int | None = None,
) -> RelayRegion:
    """Creates a region, or with ``region_id`` changes one. Raises ValidationError, NotFoundError."""
    network = lock_network(network_id)
    region = RelayRegion(network=network)
    if region_id is not None:
        found = RelayRegion.objects.filter(network=network, pk=region_id).first()
        if found is None:
            raise NotFoundError(f"There is no relay region {region_id}.")
        region = found
    region.number, region.code, region.name = number, code, name
    save_checked(region)
    record_relays(network=network, cause=cause, now=now)
    return region


@transaction.atomic
def delete_region(*, region_id: int, cause: Cause, now: datetime) -> None:
    """Removes a region with its servers. Raises NotFoundError."""
    region = RelayRegion.objects.filter(pk=region_id).first()
    if region is None:
        raise NotFoundError(f"There is no relay region {region_id}.")
    network = lock_network(region.network_id)
    region.delete()
    record_relays(network=network, cause=cause, now=now)


@transaction.atomic
def save_server(
    *, region_id: int, fields: Mapping[str, Any], cause: Cause, now: datetime, server_id: int | None = None
) -> RelayServer:
    """Creates a server of a region, or with ``server_id`` changes one. Raises ValidationError, NotFoundError."""
    region = RelayRegion.objects.filter(pk=region_id).first()
    if region is None:
        raise NotFoundError(f"There is no relay region {region_id}.")
    network = lock_network(region.network_id)
    server = RelayServer(region=region)
    if server_id is not None:
        found = RelayServer.objects.filter(region=region, pk=server_id).first()
        if found is None:
            raise NotFoundError(f"There is no relay server {server_id}.")
        server = found
    for name in SERVER_FIELDS:
        if name in fields:
            setattr(server, name, fields[name])
    save_checked(server)
    record_relays(network=network, cause=cause, now=now)
    return server


@transaction.atomic
def delete_server(*, server_id: int, cause: Cause, now: datetime) -> None:
    """Removes a relay server. Raises NotFoundError."""
    server = RelayServer.objects.select_related("region").filter(pk=server_id).first()
    if server is None:
        raise NotFoundError(f"There is no relay server {server_id}.")
    network = lock_network(server.region.network_id)
    server.delete()
    record_relays(network=network, cause=cause, now=now)


def save_checked(row: models.Model) -> None:
    """Saves a row after all its model's checks. Raises ValidationError with the fields at fault."""
    try:
        row.full_clean()
    except DjangoValidationError as error:
        errors = tuple(
            FieldError("body" if name == "__all__" else name, message)
            for name, messages in error.message_dict.items()
            for message in messages
        )
        raise ValidationError(errors[0].message, errors=errors) from error
    row.save()


def record_relays(*, network: Network, cause: Cause, now: datetime) -> None:
    """Records that regions or servers changed, and finds new homes for nodes whose region is gone."""
    facts = network_facts(network.pk)
    record_change(network=network, kind=ChangeKind.NETWORK, facts=facts, cause=cause, now=now)
    moved = _rehome(network)
    if moved:
        facts = node_facts(network.pk, moved)
        record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)


def _rehome(network: Network) -> list[int]:
    known = set(RelayRegion.objects.filter(network=network).values_list("number", flat=True))
    homeless = Node.objects.filter(network=network, home_region__isnull=False).exclude(home_region__in=known)
    new_homes: dict[int | None, list[int]] = defaultdict(list)
    for node_id, stored in homeless.values_list("pk", "relay_latency_ms"):
        latencies = {int(region): ms for region, ms in stored.items()}
        new_homes[choose_home(latencies, known=known)].append(node_id)
    for home, node_ids in new_homes.items():
        Node.objects.filter(pk__in=node_ids).update(home_region=home)
    return sorted(node_id for node_ids in new_homes.values() for node_id in node_ids)
