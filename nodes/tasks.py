"""Periodic work on nodes and the log of changes. Each task is harmless when doubled or late."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from mesh.change import Cause, ChangeKind
from nodes.models import NameReservation, Network
from nodes.periodic import periodic
from nodes.services.addresses import complete_addresses
from nodes.services.history import forget_history, networks_with_news, read_history
from nodes.services.last_seen import note_last_seen
from nodes.services.liveness import sweep_network
from nodes.services.retention import prune_changes

SCHEDULE = {
    "nodes.sweep": timedelta(seconds=5),
    "nodes.note_last_seen": timedelta(minutes=2),
    "nodes.complete_addresses": timedelta(seconds=30),
    "nodes.forget_reservations": timedelta(minutes=10),
    "nodes.read_history": timedelta(seconds=30),
    "nodes.prune_changes": timedelta(minutes=10),
}
RUN_SECONDS: Final = 30.0
"""How long one run goes on at most where much has gathered: the next one continues."""
BATCH: Final = 1000


@periodic("nodes.sweep", every=SCHEDULE["nodes.sweep"])
def sweep() -> int:
    """Marks silent nodes offline; returns how many."""
    now = timezone.now()
    return sum(len(sweep_network(network=network, now=now)) for network in Network.objects.order_by("pk"))


@periodic("nodes.note_last_seen", every=SCHEDULE["nodes.note_last_seen"])
def write_last_seen() -> int:
    """Writes when online nodes were last heard, for after a restart; returns for how many there was news."""
    return sum(note_last_seen(network=network) for network in Network.objects.order_by("pk"))


@periodic("nodes.complete_addresses", every=SCHEDULE["nodes.complete_addresses"])
def give_addresses() -> int:
    """Gives addresses of a family that a network got later to the nodes that were there; returns to how many."""
    now, until = timezone.now(), time.monotonic() + RUN_SECONDS
    given = 0
    for network_id in Network.objects.order_by("pk").values_list("pk", flat=True):
        batch = 1
        while batch and time.monotonic() < until:
            batch = complete_addresses(network_id=network_id, cause=Cause.system("addresses"), now=now)
            given += batch
    return given


@periodic("nodes.forget_reservations", every=SCHEDULE["nodes.forget_reservations"])
def forget_reservations() -> int:
    """Drops reservations of names whose time is over; returns how many. Nobody waits for it to take a name."""
    deleted, _ = NameReservation.objects.filter(until__lte=timezone.now()).delete()
    return deleted


@periodic("nodes.prune_changes", every=SCHEDULE["nodes.prune_changes"])
def prune() -> int:
    """Takes old facts from the log of changes as the configuration says, batch by batch; returns from how many."""
    now, until = timezone.now(), time.monotonic() + RUN_SECONDS
    pruned = 0
    for kind in ChangeKind:
        kept_for: timedelta | None = getattr(settings.GHOSTWIRE.retention, kind.value)
        if kept_for is None:
            continue
        batch = BATCH
        while batch == BATCH and time.monotonic() < until:
            batch = prune_changes(kind=kind, before=now - kept_for, limit=BATCH)
            pruned += batch
    return pruned


@periodic("nodes.read_history", every=SCHEDULE["nodes.read_history"])
def keep_history() -> int:
    """Reads the log of changes on into when nodes were online, and drops what is too old; returns how many changes."""
    now, until = timezone.now(), time.monotonic() + RUN_SECONDS
    read = 0
    for network_id in networks_with_news():
        batch = 1
        while batch and time.monotonic() < until:
            batch = read_history(network_id=network_id)
            read += batch
    while forget_history(before=now - settings.GHOSTWIRE.retention.history) and time.monotonic() < until:
        pass
    return read
