"""Periodic work across nodes and sessions. Each task is harmless when doubled or late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.utils import timezone

from coordinator.challenges import forget_challenges
from coordinator.jobs.run import run_jobs
from coordinator.lifecycle import expire_nodes, remove_ephemeral_nodes
from coordinator.samples import forget_samples, roll_up, take_samples
from nodes.hints import tell_portal
from nodes.models import Network
from nodes.periodic import for_each, periodic
from sessions_app.services.enrolments import forget_enrolments
from sessions_app.services.lapses import lapse_api_tokens, lapse_auth_keys
from sessions_app.services.sessions import expire_sessions

RUN_SPAN = timedelta(seconds=30)
"""How long a run begins new work: the next one goes on, before this one's lock is over."""
SCHEDULE = {
    "coordinator.expire": timedelta(seconds=10),
    "coordinator.run_jobs": timedelta(seconds=2),
    "coordinator.remove_ephemeral": timedelta(minutes=1),
    "coordinator.forget_challenges": timedelta(minutes=1),
    "coordinator.forget_enrolments": timedelta(minutes=1),
    "coordinator.sample": timedelta(minutes=1),
}


@periodic("coordinator.expire", every=SCHEDULE["coordinator.expire"])
def expire() -> int:
    """Ends sessions, keys of nodes, auth keys and API tokens whose time is over; returns how many.

    Reads of credentials do not wait for it: the clock ends them. This writes it down, and tells peers.
    """
    now = timezone.now()
    network_ids = list(Network.objects.order_by("pk").values_list("pk", flat=True))
    work: list[Callable[[], int]] = [
        *(partial(expire_sessions, network_id=pk, now=now) for pk in network_ids),
        *(partial(expire_nodes, network_id=pk, now=now) for pk in network_ids),
        partial(lapse_auth_keys, now=now),
        partial(lapse_api_tokens, now=now),
    ]
    return for_each(work, lambda act: act())


@periodic("coordinator.remove_ephemeral", every=SCHEDULE["coordinator.remove_ephemeral"])
def remove_ephemeral() -> int:
    """Removes ephemeral nodes that have been offline for half an hour; returns how many."""
    return remove_ephemeral_nodes(now=timezone.now())


@periodic("coordinator.forget_challenges", every=SCHEDULE["coordinator.forget_challenges"])
def forget_old_challenges() -> int:
    """Drops records of challenges that are too old to be used anyway; returns how many."""
    return forget_challenges(now=timezone.now())


@periodic("coordinator.forget_enrolments", every=SCHEDULE["coordinator.forget_enrolments"])
def forget_old_enrolments() -> int:
    """Drops waiting machines whose time is over; returns how many. They count for nothing from that moment on."""
    return forget_enrolments(now=timezone.now())


@periodic("coordinator.run_jobs", every=SCHEDULE["coordinator.run_jobs"])
def carry_out_jobs() -> int:
    """Carries out acts on many nodes that people asked for; returns how many jobs."""
    return run_jobs(until=timezone.now() + RUN_SPAN)


@periodic("coordinator.sample", every=SCHEDULE["coordinator.sample"])
def sample() -> int:
    """Writes down how networks and workers do, adds up what is due and drops what is old; returns how many new rows."""
    now = timezone.now()
    taken = take_samples(now=now)
    roll_up(now=now)
    forget_samples(now=now)
    if taken:
        tell_portal("metrics")
    return taken
