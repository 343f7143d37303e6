"""Policies on trial: in force at once, and gone again at their deadline unless somebody confirms them.

While one is on trial nothing else comes into force (``activate_policy`` refuses it), so that going back undoes what was
tried and no more. Exceptions are what must not wait: rules whose time is over, and people who are deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from django.db import transaction

from acl.models import PolicyTrial
from acl.selectors import policy_clock
from acl.selectors.trials import get_trial, open_trial
from acl.services.versions import roll_back
from mesh.change import Cause, ChangeKind
from mesh.errors import ConflictError, FieldError, GhostWireError, ValidationError
from mesh.policy.schedule import format_instant
from nodes.changes import lock_network, record_change
from nodes.models import Network

Result = TypeVar("Result")

SHORTEST: Final = timedelta(seconds=30)
LONGEST: Final = timedelta(minutes=60)
RETRY: Final = timedelta(seconds=10)
"""How long after a failed return the next is tried."""


@dataclass(frozen=True, slots=True)
class Tried(Generic[Result]):
    """What the edit gave, and the trial that runs now; None where the edit changed nothing and none ran before."""

    result: Result
    trial: PolicyTrial | None


@transaction.atomic
def begin_trial(
    *, network_id: int, within: timedelta, apply: Callable[[], Result], cause: Cause, now: datetime
) -> Tried[Result]:
    """Calls ``apply``, an edit of the network's policy, and puts what came of it on trial, in one transaction.

    ``within``: 30 s to 60 min, after which the policy before comes back. An edit that changes nothing begins no trial:
    so the same call twice is one trial, whose deadline stays.

    Raises ValidationError for another time, OnTrialError while another policy is on trial, NotFoundError, and what
    ``apply`` raises.
    """
    if not SHORTEST <= within <= LONGEST:
        words = "A trial lasts 30 seconds to 60 minutes."
        raise ValidationError(words, errors=(FieldError("confirm_within", words),))
    former = lock_network(network_id).policy_version
    result = apply()
    number = Network.objects.values_list("policy_version", flat=True).get(pk=network_id)
    if number == former:
        return Tried(result, open_trial(network_id))
    trial = PolicyTrial.objects.create(
        network_id=network_id,
        number=number,
        former=former,
        began_at=now,
        deadline=now + within,
        due_at=now + within,
        actor=cause.actor,
        origin=cause.origin,
    )
    return Tried(result, trial)


@transaction.atomic
def confirm_trial(*, network_id: int, cause: Cause, now: datetime, number: int | None = None) -> PolicyTrial:
    """Keeps the policy on trial. ``number``: only if it is this version; None: whichever is on trial.

    Once confirmed, it stays so and a second call does nothing. Raises NotFoundError, ConflictError if its time is over
    or it was reverted.
    """
    network = lock_network(network_id)
    trial = _found(network_id, number)
    if trial.outcome == PolicyTrial.Outcome.CONFIRMED:
        return trial
    if trial.outcome == PolicyTrial.Outcome.REVERTED:
        raise ConflictError(f"Policy {trial.number} was reverted at {_when(trial)}.")
    # One that cannot be reverted may be kept: there is no other way out.
    if trial.deadline <= now and not trial.problem:
        raise ConflictError(f"The time of policy {trial.number} is over since {format_instant(trial.deadline)}.")
    _end(trial, PolicyTrial.Outcome.CONFIRMED, cause, now)
    # No map changes; but the log tells who decided, and pages that show the trial hear of its end.
    facts = {
        "policy_version": network.policy_version,
        "at": format_instant(policy_clock(network_id)),
        "trial": {"number": trial.number, "outcome": trial.outcome},
    }
    record_change(network=network, kind=ChangeKind.POLICY, facts=facts, cause=cause, now=now)
    return trial


@transaction.atomic
def revert_trial(*, network_id: int, cause: Cause, now: datetime, number: int | None = None) -> PolicyTrial:
    """Ends a trial with the policy before it, as a new version. ``number`` and doubled calls as for confirming.

    Objections to the policy before are overridden, and recorded. Raises NotFoundError; ConflictError if the policy was
    confirmed, or a host of the one before is named like a node by now; ValidationError if that does not hold together
    any more.
    """
    lock_network(network_id)
    trial = _found(network_id, number)
    if trial.outcome == PolicyTrial.Outcome.REVERTED:
        return trial
    if trial.outcome == PolicyTrial.Outcome.CONFIRMED:
        raise ConflictError(f"Policy {trial.number} was confirmed at {_when(trial)}.")
    return _go_back(trial, cause, now, f"Reverted: back to version {trial.former}")


def revert_due_trial(*, network_id: int, now: datetime) -> PolicyTrial | None:
    """Goes back where a trial was not confirmed in time; None where nothing is due. Whoever asks, and however often.

    Raises as ``revert_trial`` does. Then the trial goes on, says why, and going back is tried again 10 s later.
    """
    try:
        return _revert_due(network_id, now)
    except GhostWireError as error:
        _note_problem(network_id, error.detail, now)
        raise


@transaction.atomic
def _revert_due(network_id: int, now: datetime) -> PolicyTrial | None:
    lock_network(network_id)
    # Read under the lock: another worker may have gone back while this one waited, or somebody confirmed it.
    trial = PolicyTrial.objects.filter(network_id=network_id, ended_at=None, due_at__lte=now).first()
    if trial is None:
        return None
    words = f"Policy {trial.number} was not confirmed in time: back to version {trial.former}"
    return _go_back(trial, Cause.system("trial"), now, words)


@transaction.atomic
def _note_problem(network_id: int, problem: str, now: datetime) -> None:
    due = PolicyTrial.objects.filter(network_id=network_id, ended_at=None, due_at__lte=now)
    due.update(problem=problem[:500], due_at=now + RETRY)


def _go_back(trial: PolicyTrial, cause: Cause, now: datetime, comment: str) -> PolicyTrial:
    # Ended first: nothing comes into force during a trial.
    _end(trial, PolicyTrial.Outcome.REVERTED, cause, now)
    roll_back(network_id=trial.network_id, number=trial.former, cause=cause, now=now, forced=True, comment=comment)
    trial.result = Network.objects.values_list("policy_version", flat=True).get(pk=trial.network_id)
    trial.save(update_fields=["result"])
    return trial


def _end(trial: PolicyTrial, outcome: PolicyTrial.Outcome, cause: Cause, now: datetime) -> None:
    trial.outcome, trial.ended_at, trial.ended_by, trial.problem = outcome, now, cause.actor, ""
    trial.save(update_fields=["outcome", "ended_at", "ended_by", "problem"])


def _found(network_id: int, number: int | None) -> PolicyTrial:
    """The trial that is meant: the one that runs before any other."""
    return (open_trial(network_id) if number is None else None) or get_trial(network_id, number)


def _when(trial: PolicyTrial) -> str:
    return "" if trial.ended_at is None else format_instant(trial.ended_at)
