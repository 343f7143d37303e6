"""Periodic work on policies. Each task is harmless when doubled or late."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from acl.services.boundaries import due_networks, write_boundary
from nodes.periodic import for_each, periodic

SCHEDULE = {"acl.write_boundaries": timedelta(seconds=5)}


@periodic("acl.write_boundaries", every=SCHEDULE["acl.write_boundaries"])
def write_boundaries() -> int:
    """Writes the boundaries of schedules that no worker's timer has written; returns how many."""
    now = timezone.now()
    return for_each(due_networks(now), lambda pk: int(write_boundary(network_id=pk, now=now) is not None))
