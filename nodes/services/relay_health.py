"""Takes in what relay servers answered, and with it which of them agents are told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import transaction

from mesh.change import Cause
from mesh.relay_health import Answer, Ways, assess, is_due
from nodes.changes import lock_network
from nodes.models import Network, RelayServer
from nodes.selectors.relays import relays_in_maps
from nodes.services.relays import HEALTH, health_of, record_relays, set_health, where_of

log = structlog.get_logger(__name__)

CAUSE: Final = Cause.system("relays")


@dataclass(frozen=True, slots=True)
class Asked:
    """A server that is to be asked, as it was when that began: ``where`` is host, IPv4, IPv6, port and STUN port."""

    server_id: int
    network_id: int
    where: tuple[Any, ...]


def servers_to_ask(*, now: datetime, every: timedelta, network_id: int | None = None) -> list[Asked]:
    """The servers that are due in the round at ``now``; with ``network_id`` all of that network."""
    servers = RelayServer.objects.select_related("region").order_by("pk")
    if network_id is not None:
        servers = servers.filter(region__network_id=network_id)
    return [
        Asked(server.pk, server.region.network_id, where_of(server))
        for server in servers
        if network_id is not None or is_due(health_of(server), now=now, every=every)
    ]


@transaction.atomic
def note_relay_answers(
    *, network_id: int, answers: Mapping[Asked, Answer], ways: Ways, now: datetime, every: timedelta
) -> int:
    """Writes what servers of a network answered at ``now``. What agents are told changes by one Change, if it does.

    A server that was moved meanwhile is left alone: it was not that one that answered. Returns how many died or came
    back. Raises NotFoundError if the network is gone.
    """
    network = lock_network(network_id)
    told = _told(network)
    rows = RelayServer.objects.filter(region__network=network)
    servers = {server.pk: server for server in rows.select_related("region").order_by("pk")}
    turned = 0
    for asked, answer in answers.items():
        server = servers.get(asked.server_id)
        if server is None or where_of(server) != asked.where:
            continue
        before = health_of(server)
        after = assess(before, answer, ways, now=now, every=every)
        set_health(server, after)
        server.save(update_fields=HEALTH)
        if after.alive != before.alive:
            turned += 1
            word = "relay.back" if after.alive else "relay.dead"
            log.warning(word, network=network.name, region=server.region.code, server=server.name, fault=after.fault)
    if _told(network) != told:
        record_relays(network=network, cause=CAUSE, now=now)
    return turned


def _told(network: Network) -> list[tuple[int, list[int]]]:
    return [(region.pk, [server.pk for server in servers]) for region, servers in relays_in_maps(network_id=network.pk)]
