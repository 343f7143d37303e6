"""Schedules open, close, begin and end: each time is written to the change log once, and nothing else reads clocks."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from acl.models import PolicyBoundary, PolicyClock
from acl.selectors import latest_version, load_policy, policy_facts
from acl.services.policy import next_instant, set_clock, switch_off_ended, write_version
from mesh.change import Cause, ChangeKind
from mesh.policy.schedule import format_instant
from nodes.changes import lock_network, record_change
from nodes.models import Network


def due_networks(now: datetime) -> list[int]:
    """The networks with a boundary at or before ``now`` that nobody wrote yet, in one indexed query."""
    due = PolicyClock.objects.filter(next_boundary__lte=now)
    return list(due.order_by("network_id").values_list("network_id", flat=True))


@transaction.atomic
def write_boundary(*, network_id: int, now: datetime) -> int | None:
    """Writes the boundary that is due in a network, if there is one: as one Change, whoever asks and however often.

    Several that passed since anyone looked are one Change too: maps go from what was to what is. Rules whose time is
    over are switched off with it, as a version of the policy. Returns the new map version, or None where nothing was
    due. Raises NotFoundError, ValidationError if the policy cannot be read.
    """
    network = lock_network(network_id)
    # Read under the lock: another worker may have written it while this one waited.
    boundary = (
        PolicyClock.objects.filter(network=network, next_boundary__lte=now)
        .values_list("next_boundary", flat=True)
        .first()
    )
    if boundary is None:
        return None
    at = next_instant(network, now)
    cause = Cause.system("schedule")
    PolicyBoundary.objects.create(network=network, boundary=boundary, map_version=network.map_version + 1)
    if ended := switch_off_ended(network=network, at=at):
        version = write_version(
            network=network,
            facts=policy_facts(network.pk),
            former=latest_version(network.pk),
            at=at,
            cause=cause,
            comment=f"Time is over: {', '.join(ended)}",
            boundary=boundary,
            now=now,
        )
        return version.map_version
    set_clock(network=network, policy=load_policy(network.pk), at=at)
    return _record(network, boundary, at, cause, now)


def _record(network: Network, boundary: datetime, at: datetime, cause: Cause, now: datetime) -> int:
    facts = {
        "policy_version": network.policy_version,
        "at": format_instant(at),
        "boundary": format_instant(boundary),
    }
    return record_change(network=network, kind=ChangeKind.POLICY, facts=facts, cause=cause, now=now)
