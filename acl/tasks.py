"""Periodic work on policies. Each task is harmless when doubled or late."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from acl.services.boundaries import due_networks, write_boundary

SCHEDULE = {"acl.write_boundaries": timedelta(seconds=5)}


@shared_task(name="acl.write_boundaries")
def write_boundaries() -> int:
    """Writes the boundaries of schedules that no worker's timer has written; returns how many."""
    now = timezone.now()
    return sum(write_boundary(network_id=pk, now=now) is not None for pk in due_networks(now))
