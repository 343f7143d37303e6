"""Relay regions and their servers."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import models, transaction

from mesh.change import Cause, ChangeKind
from mesh.errors import FieldError, NotFoundError, ValidationError
from mesh.relay_health import Health
from mesh.relays import choose_home
from nodes.changes import lock_network, record_change
from nodes.facts import network_facts
from nodes.models import Network, Node, RelayRegion, RelayServer
from nodes.selectors.relays import regions_told

SERVER_FIELDS: Final = ("name", "host", "ipv4", "ipv6", "port", "stun_port")
WHERE: Final = ("host", "ipv4", "ipv6", "port", "stun_port")
"""What a check asks: a server that is elsewhere now is another one, of which nothing is known yet."""
BATCH: Final = 2000
HEALTH: Final = tuple(field.name for field in dataclasses.fields(Health))


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
    before = where_of(server)
    for name in SERVER_FIELDS:
        if name in fields:
            setattr(server, name, fields[name])
    if where_of(server) != before:
        set_health(server, Health())
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


def where_of(server: RelayServer) -> tuple[Any, ...]:
    """Where a server is asked."""
    return tuple(getattr(server, name) for name in WHERE)


def health_of(server: RelayServer) -> Health:
    """How a server did so far."""
    return Health(**{name: getattr(server, name) for name in HEALTH})


def set_health(server: RelayServer, health: Health) -> None:
    """Puts what a check showed on ``server``, without saving it."""
    for name in HEALTH:
        setattr(server, name, getattr(health, name))


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
    """Records that regions or servers changed, or that others of them are told of, as one change: with it nodes whose
    region agents are not told of any more get another home."""
    homes = _rehome(network)
    facts = network_facts(network.pk) | ({"homes": homes} if homes else {})
    record_change(network=network, kind=ChangeKind.NETWORK, facts=facts, cause=cause, now=now)


def _rehome(network: Network) -> list[dict[str, Any]]:
    """Gives nodes without a home another: as ``{"region", "nodes"}``, one for each new home (None: there is none)."""
    known = regions_told(network_id=network.pk)
    homeless = Node.objects.filter(network=network, home_region__isnull=False).exclude(home_region__in=known)
    new_homes: dict[int | None, list[int]] = defaultdict(list)
    for node_id, stored in homeless.order_by("pk").values_list("pk", "relay_latency_ms"):
        latencies = {int(region): ms for region, ms in stored.items()}
        new_homes[choose_home(latencies, known=known)].append(node_id)
    for home, node_ids in new_homes.items():
        for first in range(0, len(node_ids), BATCH):
            Node.objects.filter(pk__in=node_ids[first : first + BATCH]).update(home_region=home)
    return [{"region": home, "nodes": node_ids} for home, node_ids in new_homes.items()]
