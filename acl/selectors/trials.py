"""Policies on trial."""

from __future__ import annotations

from datetime import datetime

from acl.models import PolicyTrial
from mesh.errors import NotFoundError


def open_trial(network_id: int) -> PolicyTrial | None:
    """The trial that runs in a network; None where none does."""
    return PolicyTrial.objects.filter(network_id=network_id, ended_at=None).first()


def get_trial(network_id: int, number: int | None = None) -> PolicyTrial:
    """The trial of version ``number``, or the latest of a network, over or not. Raises NotFoundError."""
    trials = PolicyTrial.objects.filter(network_id=network_id)
    if number is not None:
        trials = trials.filter(number=number)
    trial = trials.order_by("-number").first()
    if trial is None:
        words = "No policy is on trial." if number is None else f"Policy {number} is not on trial."
        raise NotFoundError(words)
    return trial


def due_trials(now: datetime) -> list[int]:
    """The networks whose policy on trial was not confirmed in time, in one indexed query."""
    due = PolicyTrial.objects.filter(ended_at=None, due_at__lte=now)
    return list(due.order_by("network_id").values_list("network_id", flat=True))
