"""Carries jobs out: one at a time in a worker, each node once, whoever dies on the way.

A job is leased by its worker for as long as a transaction may take. What a transaction did and how far the job came are
committed together: so the next worker goes on behind it, and a worker that only seemed dead does nothing twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from coordinator.jobs.acts import ACTS, UNDO, Act, Plan, plan_undo, sets_before
from coordinator.jobs.removal import denied_nodes, remove_rows
from coordinator.jobs.rows import NodeRow, owners_that_exist, read_rows, write_sets
from coordinator.jobs.services import tell_of_jobs
from mesh.change import Cause
from mesh.errors import GhostWireError
from nodes.changes import lock_network
from nodes.facts import patches
from nodes.models import Job, Network

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(minutes=2)
"""Longer than any transaction of a job takes."""
MOST_REASONS: Final = 1000
_MOVES: Final = (
    "state", "position", "changed", "left", "reasons", "before", "after", "versions", "lease", "leased_until",
    "ended_at",
)  # fmt: skip
"""What the work writes of a job: not whom it concerns, which is long and stays."""


def run_jobs(*, now: datetime | None = None, until: datetime | None = None) -> int:
    """Carries out the jobs that wait, and those whose worker is gone, one after the other; returns how many.

    ``until``: no further step is begun after it.
    """
    done = 0
    while (job := _take(now or timezone.now())) is not None:
        _carry_out(job, now, until)
        done += 1
        if until is not None and timezone.now() >= until:
            break
    return done


def run_job(*, job_id: int, now: datetime | None = None) -> None:
    """Carries out this job at once, if it waits: for those so small that nobody should wait for a worker."""
    job = _take(now or timezone.now(), job_id)
    if job is not None:
        _carry_out(job, now, None)


@transaction.atomic
def _take(now: datetime, job_id: int | None = None) -> Job | None:
    """Leases the job that waits longest; None if there is none."""
    free = Q(state=Job.State.WAITING) | Q(state=Job.State.RUNNING, leased_until__lt=now)
    due = Job.objects.filter(free).order_by("pk")
    if job_id is not None:
        due = due.filter(pk=job_id)
    # SQLite has one writer at a time and no such lock.
    if transaction.get_connection().features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True, of=("self",))
    job = due.first()
    if job is None:
        return None
    job.state, job.lease, job.leased_until = Job.State.RUNNING, secrets.token_hex(8), now + LEASE
    job.started_at = job.started_at or now
    job.save(update_fields=["state", "lease", "leased_until", "started_at"])
    tell_of_jobs(job.network_id)
    return job


def _carry_out(job: Job, now: datetime | None, until: datetime | None) -> None:
    more = True
    while more:
        at = now or timezone.now()
        try:
            more = _step(job.pk, job.lease, at)
        except GhostWireError as error:
            log.warning("jobs.failed", job=job.pk, detail=error.detail)
            _fail(job, error.detail, at)
            return
        except Exception:
            _fail(job, "The portal failed at it: its log says how.", at)
            raise
        if more and until is not None and timezone.now() >= until:
            _let_go(job)
            return


@transaction.atomic
def _step(job_id: int, lease: str, now: datetime) -> bool:
    """One transaction of a job; whether there is more to do."""
    job = Job.objects.select_for_update().filter(pk=job_id, lease=lease, state=Job.State.RUNNING).first()
    if job is None:
        return False  # another worker has it
    if job.cancel_requested:
        _end(job, Job.State.CANCELLED, now)
        return False
    # The lock of the network comes second: whoever looks at a job holds no network.
    network = lock_network(job.network_id)
    chunk = ACTS[job.act].chunk if job.act != UNDO else len(job.node_ids)
    ids = job.node_ids[job.position : job.position + chunk]
    _work(job, network, read_rows(network.pk, ids), ids, now)
    job.position += len(ids)
    job.leased_until = now + LEASE
    if job.position >= job.total:
        _end(job, Job.State.DONE, now)
        return False
    job.save(update_fields=_MOVES)
    tell_of_jobs(job.network_id)
    return True


def _work(job: Job, network: Network, rows: Sequence[NodeRow], ids: Sequence[int], now: datetime) -> None:
    cause = Cause(job.actor, job.origin, job.request_id)
    plan, overridden = _decide(job, rows, now)
    there = {row.id: row for row in rows}
    plan.left.extend((pk, f"node {pk}", "is gone") for pk in ids if pk not in there)
    if plan.sets:
        before = patches(sets_before(there, plan.sets).items())
        version, after = write_sets(network=network, rows=there, sets=plan.sets, cause=cause, now=now)
        job.versions = [*job.versions, version]
        job.before, job.after = [*job.before, *before], [*job.after, *after]
    if plan.removed:
        removed = [there[pk] for pk in plan.removed]
        version = remove_rows(network=network, rows=removed, cause=cause, now=now, overridden=overridden)
        job.versions = [*job.versions, version]
    job.changed += len(plan.sets) + len(plan.removed)
    job.left += len(plan.left)
    job.reasons = [*job.reasons, *(list(item) for item in plan.left)][:MOST_REASONS]


def _decide(job: Job, rows: Sequence[NodeRow], now: datetime) -> tuple[Plan, list[str]]:
    if job.undo_of is not None:
        wanted = {patch["set"].get("user") for patch in job.undo_of.before} - {None}
        return plan_undo(rows, job.undo_of.before, job.undo_of.after, owners_that_exist(wanted)), []
    return decide(ACTS[job.act], job.network_id, rows, job.arguments, now)


def decide(
    act: Act, network_id: int, rows: Sequence[NodeRow], arguments: dict[str, Any], now: datetime
) -> tuple[Plan, list[str]]:
    """What an act makes of nodes, and the objections that were overridden. Writes nothing."""
    plan = act.decide(rows, arguments, now)
    if not plan.removed:
        return plan, []
    # A denied machine that could make itself another node would be rid of the denial.
    denied = denied_nodes(network_id)
    named = [row for row in rows if row.id in denied]
    if arguments.get("forced"):
        return plan, [f"{row.name} is denied something by {denied[row.id]}." for row in named]
    for row in named:
        plan.leave(row, f"is denied something by {denied[row.id]}: change the rule first")
    kept = {row.id for row in named}
    plan.removed = [pk for pk in plan.removed if pk not in kept]
    return plan, []


def _end(job: Job, state: Job.State, now: datetime) -> None:
    job.state, job.ended_at, job.lease, job.leased_until = state, now, "", None
    job.save(update_fields=_MOVES)
    tell_of_jobs(job.network_id)


@transaction.atomic
def _fail(job: Job, why: str, now: datetime) -> None:
    """What a job did before stays done, and can be undone."""
    rows = Job.objects.filter(pk=job.pk, lease=job.lease)
    rows.update(state=Job.State.FAILED, error=why[:500], ended_at=now, lease="", leased_until=None)
    tell_of_jobs(job.network_id)


def _let_go(job: Job) -> None:
    """Another run goes on with it."""
    Job.objects.filter(pk=job.pk, lease=job.lease, state=Job.State.RUNNING).update(
        state=Job.State.WAITING, lease="", leased_until=None
    )
