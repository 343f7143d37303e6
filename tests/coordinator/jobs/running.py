"""Acts on many nodes, planned, carried out and taken back at once."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from coordinator.finding.criteria import Criteria
from coordinator.jobs import acts
from coordinator.jobs.run import run_jobs
from coordinator.jobs.services import plan_job, start_job, undo_job
from coordinator.replica.load import load_topology
from mesh.change import Cause
from nodes.models import Job, Network

CAUSE = Cause.user(7)


def start(network: Network, act: str, criteria: Criteria | None = None, **arguments: Any) -> Job:
    """A job that waits to be carried out."""
    chosen, now = criteria or Criteria(), timezone.now()
    job = plan_job(network_id=network.pk, act=act, criteria=chosen, arguments=arguments, cause=CAUSE, now=now)
    return start_job(job_id=job.pk, nodes=job.total, cause=CAUSE, now=timezone.now())


def carry_out(network: Network, act: str, criteria: Criteria | None = None, **arguments: Any) -> Job:
    """A job that was carried out."""
    job = start(network, act, criteria, **arguments)
    run_jobs()
    job.refresh_from_db()
    return job


def undo(job: Job) -> Job:
    """The job that undid it."""
    undoing = undo_job(job_id=job.pk, cause=CAUSE, now=timezone.now())
    run_jobs()
    undoing.refresh_from_db()
    return undoing


def facts(network: Network) -> dict[int, Any]:
    """All nodes as maps and filters see them, from the tables."""
    return dict(load_topology(network.pk).nodes.items())


def fields_of(act: acts.Act) -> dict[str, Any]:
    """What an act is made of."""
    return {name: getattr(act, name) for name in act.__slots__}
