"""Periodic work on policies. Each task is harmless when doubled or late."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from acl.selectors.trials import due_trials
from acl.services.boundaries import due_networks, write_boundary
from acl.services.trials import revert_due_trial
from nodes.periodic import for_each, periodic

SCHEDULE = {"acl.write_boundaries": timedelta(seconds=5), "acl.revert_trials": timedelta(seconds=5)}


@periodic("acl.write_boundaries", every=SCHEDULE["acl.write_boundaries"])
def write_boundaries() -> int:
    """Writes the boundaries of schedules that no worker's timer has written; returns how many."""
    now = timezone.now()
    return for_each(due_networks(now), lambda pk: int(write_boundary(network_id=pk, now=now) is not None))


@periodic("acl.revert_trials", every=SCHEDULE["acl.revert_trials"])
def revert_trials() -> int:
    """Goes back from policies on trial that nobody confirmed, and that no worker's timer reverted; returns how many."""
    now = timezone.now()
    return for_each(due_trials(now), lambda pk: int(revert_due_trial(network_id=pk, now=now) is not None))
