"""Periodic work on nodes and the log of changes. Each task is harmless when doubled or late."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from mesh.change import Cause, ChangeKind
from nodes.models import NameReservation, Network
from nodes.periodic import for_each, periodic
from nodes.relay_checks import EVERY, check_relays, trusting_as_this_machine
from nodes.services.addresses import complete_addresses
from nodes.services.history import forget_history, networks_with_news, read_history
from nodes.services.last_seen import note_last_seen
from nodes.services.liveness import sweep_network
from nodes.services.observations import forget_observations
from nodes.services.retention import prune_changes
from nodes.services.traffic import forget_traffic

SCHEDULE = {
    "nodes.sweep": timedelta(seconds=5),
    "nodes.note_last_seen": timedelta(minutes=2),
    "nodes.complete_addresses": timedelta(seconds=30),
    "nodes.forget_observations": timedelta(minutes=1),
    "nodes.forget_reservations": timedelta(minutes=10),
    "nodes.read_history": timedelta(seconds=30),
    "nodes.prune_changes": timedelta(minutes=10),
    "nodes.check_relays": EVERY,
    "nodes.forget_traffic": timedelta(minutes=10),
}
RUN_SECONDS: Final = 30.0
"""How long a run goes on at most, for each network or kind, where much has gathered: the next one continues."""
BATCH: Final = 1000


@periodic("nodes.sweep", every=SCHEDULE["nodes.sweep"])
def sweep() -> int:
    """Marks silent nodes offline; returns how many."""
    now = timezone.now()
    return for_each(_networks(), lambda network: len(sweep_network(network=network, now=now)))


@periodic("nodes.note_last_seen", every=SCHEDULE["nodes.note_last_seen"])
def write_last_seen() -> int:
    """Writes when online nodes were last heard, for after a restart; returns for how many there was news."""
    return for_each(_networks(), lambda network: note_last_seen(network=network))


@periodic("nodes.complete_addresses", every=SCHEDULE["nodes.complete_addresses"])
def give_addresses() -> int:
    """Gives addresses of a family that a network got later to the nodes that were there; returns to how many."""
    now, cause = timezone.now(), Cause.system("addresses")
    return for_each(
        [network.pk for network in _networks()],
        lambda pk: _until_done(lambda: complete_addresses(network_id=pk, cause=cause, now=now)),
    )


@periodic("nodes.forget_reservations", every=SCHEDULE["nodes.forget_reservations"])
def forget_reservations() -> int:
    """Drops reservations of names whose time is over; returns how many. Nobody waits for it to take a name."""
    deleted, _ = NameReservation.objects.filter(until__lte=timezone.now()).delete()
    return deleted


@periodic("nodes.forget_observations", every=SCHEDULE["nodes.forget_observations"])
def forget_old_observations() -> int:
    """Takes out of the maps where nodes were seen too long ago; returns for how many nodes."""
    now, cause = timezone.now(), Cause.system("observations")
    return for_each(
        [network.pk for network in _networks()],
        lambda pk: _until_done(lambda: forget_observations(network_id=pk, cause=cause, now=now, limit=BATCH)),
    )


@periodic("nodes.prune_changes", every=SCHEDULE["nodes.prune_changes"])
def prune() -> int:
    """Takes old facts from the log of changes as the configuration says, batch by batch; returns from how many."""
    now = timezone.now()
    kept_for: dict[ChangeKind, timedelta | None] = {
        kind: getattr(settings.GHOSTWIRE.retention, kind.value) for kind in ChangeKind
    }
    due = {kind: now - span for kind, span in kept_for.items() if span is not None}
    return for_each(due, lambda kind: _until_done(lambda: prune_changes(kind=kind, before=due[kind], limit=BATCH)))


@periodic("nodes.read_history", every=SCHEDULE["nodes.read_history"])
def keep_history() -> int:
    """Reads the log of changes on into when nodes were online, and drops what is too old; returns how many changes."""
    read = for_each(networks_with_news(), lambda pk: _until_done(lambda: read_history(network_id=pk)))
    oldest = timezone.now() - settings.GHOSTWIRE.retention.history
    _until_done(lambda: forget_history(before=oldest))
    return read


@periodic("nodes.check_relays", every=SCHEDULE["nodes.check_relays"])
def ask_relays() -> int:
    """Asks relay servers whether they serve; returns how many left the maps or came back."""
    return check_relays(make_probe=trusting_as_this_machine, clock=timezone.now)


@periodic("nodes.forget_traffic", every=SCHEDULE["nodes.forget_traffic"])
def forget_old_traffic() -> int:
    """Drops what is too old of the traffic of nodes, as of their history; returns how many hours of nodes."""
    oldest = timezone.now() - settings.GHOSTWIRE.retention.history
    return _until_done(lambda: forget_traffic(before=oldest))


def _networks() -> list[Network]:
    return list(Network.objects.order_by("pk"))


def _until_done(batch: Callable[[], int]) -> int:
    """Works batch by batch until there is nothing left, or the time of a run is over; returns how much was done."""
    until = time.monotonic() + RUN_SECONDS
    did = 0
    while time.monotonic() < until and (done := batch()):
        did += done
    return did
