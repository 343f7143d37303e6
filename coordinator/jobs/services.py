"""Jobs from their plan to their undoing. What a job does is done by ``coordinator.jobs.run``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db import transaction

from coordinator.finding.criteria import Criteria, match
from coordinator.jobs.acts import ACTS, MOST_NODES, UNDO, act_named, check_arguments
from mesh.change import Cause
from mesh.errors import ConflictError, NotFoundError, PermissionDeniedError, ValidationError
from nodes.hints import tell_portal
from nodes.models import Job, Network, Node
from sessions_app.models import User
from sessions_app.roles import allows

PLAN_LIVES: Final = timedelta(hours=1)
"""A plan that nobody carries out: the network it was made for is another by then."""
KEPT: Final = timedelta(days=90)
MOST_OPEN: Final = 20
"""Plans and jobs under way in one network at a time."""


def right_of(job: Job) -> str:
    """The capability (``sessions_app.roles``) that a job takes; undoing takes what doing took."""
    act = job.undo_of.act if job.undo_of is not None else job.act
    return ACTS[act].right


def check_right(user: User, act: str) -> None:
    """Raises PermissionDeniedError unless ``user`` may do what the act does."""
    if not allows(user, act_named(act).right):
        raise PermissionDeniedError("Your role does not permit this.")


@transaction.atomic
def plan_job(
    *,
    network_id: int,
    act: str,
    criteria: Criteria,
    arguments: Mapping[str, Any] | None,
    cause: Cause,
    now: datetime,
    listed_at: str = "",
) -> Job:
    """Fixes whom a job concerns: the nodes that match at this moment. Nothing is done yet.

    ``arguments`` None: they are given later (``set_arguments``). ``listed_at``: the page that the nodes were chosen on,
    to come back to. Raises NotFoundError for a network that is gone;
    ValidationError for criteria, acts or arguments that cannot be, or more than ``MOST_NODES`` nodes; ConflictError
    where nobody matches, or too many plans wait.
    """
    wanted = act_named(act)
    if not Network.objects.filter(pk=network_id).exists():
        raise NotFoundError(f"There is no network {network_id}.")
    forget_plans(now=now)
    if Job.objects.filter(network_id=network_id, state__in=_OPEN).count() >= MOST_OPEN:
        raise ConflictError("Too many jobs are planned or under way: finish or drop some first.")
    rows = match(Node.objects.filter(network_id=network_id), criteria, now)
    node_ids = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST_NODES + 1])
    if len(node_ids) > MOST_NODES:
        raise ValidationError(f"More than {MOST_NODES:,} nodes match: narrow the choice.")
    if not node_ids:
        raise ConflictError("No node matches.")
    return Job.objects.create(
        network_id=network_id,
        act=wanted.name,
        arguments={} if arguments is None else check_arguments(wanted, arguments),
        selection=criteria.as_json() | ({"list": listed_at} if listed_at else {}),
        node_ids=node_ids,
        total=len(node_ids),
        actor=cause.actor,
        origin=cause.origin,
        request_id=cause.request_id,
        created_at=now,
    )


_OPEN: Final = (Job.State.PLANNED, Job.State.WAITING, Job.State.RUNNING)


@transaction.atomic
def set_arguments(*, job_id: int, arguments: Mapping[str, Any]) -> Job:
    """Says what a planned job shall do. Raises NotFoundError, ValidationError, ConflictError once it was started."""
    job = _lock(job_id)
    _demand_plan(job)
    job.arguments = check_arguments(act_named(job.act), arguments)
    job.save(update_fields=["arguments"])
    return job


@transaction.atomic
def start_job(*, job_id: int, nodes: int, cause: Cause, now: datetime) -> Job:
    """Has a planned job carried out. ``nodes``: the number that was agreed to.

    Raises NotFoundError; ConflictError if it was started before, or concerns another number of nodes;
    ValidationError where arguments lack.
    """
    job = _lock(job_id)
    _demand_plan(job)
    if nodes != job.total:
        raise ConflictError(f"The job is about {job.total:,} nodes, not {nodes:,}.")
    check_arguments(act_named(job.act), job.arguments)
    job.state = Job.State.WAITING
    # Who carries it out may be another than who planned it: the log names the one who agreed.
    job.actor, job.origin, job.request_id, job.created_at = cause.actor, cause.origin, cause.request_id, now
    job.save(update_fields=["state", "actor", "origin", "request_id", "created_at"])
    tell_of_jobs(job.network_id)
    return job


@transaction.atomic
def cancel_job(*, job_id: int, now: datetime) -> Job:
    """Ends a job before it is done; what it did stays done. One under way stops behind the change it is at.

    Raises NotFoundError, ConflictError once it is over.
    """
    job = _lock(job_id)
    if job.is_over:
        raise ConflictError(f"The job is over: {job.get_state_display().lower()}.")
    if job.state == Job.State.RUNNING:
        job.cancel_requested = True
        job.save(update_fields=["cancel_requested"])
    else:
        job.state, job.ended_at = Job.State.CANCELLED, now
        job.save(update_fields=["state", "ended_at"])
    tell_of_jobs(job.network_id)
    return job


@transaction.atomic
def undo_job(*, job_id: int, cause: Cause, now: datetime) -> Job:
    """Has a job undone by another, which waits to be carried out: nodes get back what they were, but for those that
    were changed since.

    Raises NotFoundError, ConflictError for a job that cannot be undone, is under way, or was undone before.
    """
    job = _lock(job_id)
    if not job.is_over:
        raise ConflictError("The job is not over yet.")
    if job.act == UNDO or not ACTS[job.act].undoable or not job.before:
        raise ConflictError("This job cannot be undone.")
    if Job.objects.filter(undo_of=job).exists():
        raise ConflictError("The job was undone already.")
    node_ids = sorted(pk for patch in job.before for pk in patch["ids"])
    undo = Job.objects.create(
        network_id=job.network_id,
        act=UNDO,
        undo_of=job,
        node_ids=node_ids,
        total=len(node_ids),
        state=Job.State.WAITING,
        actor=cause.actor,
        origin=cause.origin,
        request_id=cause.request_id,
        created_at=now,
    )
    tell_of_jobs(job.network_id)
    return undo


def can_undo(job: Job) -> bool:
    """Whether ``undo_job`` would take it."""
    may = job.is_over and job.act != UNDO and ACTS[job.act].undoable and job.changed > 0
    return may and not hasattr(job, "undone_by")


def forget_plans(*, now: datetime) -> int:
    """Drops plans that nobody carried out, and jobs that were over long ago; returns how many."""
    plans, _ = Job.objects.filter(state=Job.State.PLANNED, created_at__lte=now - PLAN_LIVES).delete()
    old, _ = Job.objects.filter(ended_at__lte=now - KEPT).delete()
    return plans + old


def find_job(job_id: int, network_id: int | None = None) -> Job:
    """A job by id. Raises NotFoundError."""
    rows = Job.objects.select_related("network", "undo_of")
    found = rows.filter(pk=job_id, **({} if network_id is None else {"network_id": network_id})).first()
    if found is None:
        raise NotFoundError(f"There is no job {job_id}.")
    return found


def tell_of_jobs(network_id: int) -> None:
    """Has open pages look again, once the transaction is committed."""
    transaction.on_commit(partial(tell_portal, "jobs", network_id), robust=True)


def _lock(job_id: int) -> Job:
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    if job is None:
        raise NotFoundError(f"There is no job {job_id}.")
    return job


def _demand_plan(job: Job) -> None:
    if job.state != Job.State.PLANNED:
        raise ConflictError("The job was started already.")
