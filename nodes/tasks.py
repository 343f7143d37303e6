"""Periodic work on nodes. Each task is harmless when doubled or late."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from nodes.models import NameReservation, Network
from nodes.services.liveness import sweep_network

SCHEDULE = {
    "nodes.sweep": timedelta(seconds=5),
    "nodes.forget_reservations": timedelta(hours=1),
}


@shared_task(name="nodes.sweep")
def sweep() -> int:
    """Marks silent nodes offline; returns how many."""
    now = timezone.now()
    return sum(len(sweep_network(network=network, now=now)) for network in Network.objects.order_by("pk"))


@shared_task(name="nodes.forget_reservations")
def forget_reservations() -> int:
    """Drops reservations of names whose time is over; returns how many."""
    deleted, _ = NameReservation.objects.filter(until__lte=timezone.now()).delete()
    return deleted
