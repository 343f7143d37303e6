"""The verbs of ``manage.py policy`` about policies on trial: trial, confirm, revert."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

import typer
from django.utils import timezone

from acl.models import PolicyTrial
from acl.selectors.trials import get_trial, open_trial
from acl.services.trials import begin_trial, confirm_trial, revert_trial
from coordinator.admin_api.serializers.policy_trial import TrialOut, describe_trial
from coordinator.cli.noun import Noun
from coordinator.cli.options import NetworkOption, act, reading
from coordinator.cli.results import Card, Done, Shape, shaped_by
from coordinator.cli.terminal import note
from coordinator.cli.times import both, exact, parse_duration
from mesh.change import Cause
from nodes.selectors import get_network

Result = TypeVar("Result")

ConfirmWithinOption = Annotated[
    timedelta | None,
    typer.Option(
        "--confirm-within",
        parser=reading(parse_duration),
        metavar="DURATION",
        help="Put it on trial: without `policy confirm` in that time (30s to 60m) the policy before comes back.",
    ),
]
VersionOption = Annotated[
    int | None, typer.Option("--version", metavar="NUMBER", help="Only if this version is on trial.")
]

trial_shape: Shape = shaped_by(TrialOut)


def register(noun: Noun) -> None:
    """Adds the verbs to a noun."""
    noun.verb("trial")(trial)
    noun.verb("confirm")(confirm)
    noun.verb("revert")(revert)


def trial(network: NetworkOption = None) -> Card:
    """Show the policy on trial, or the last that was."""
    now = timezone.now()
    found = get_trial(get_network(network).pk)
    state = found.outcome or "on trial"
    fields = [("Policy", f"{found.number} (before it {found.former})"), ("State", state)]
    if found.ended_at is None:
        fields.append(("Reverts", both(found.deadline, now)))
    else:
        fields.append(("Ended", both(found.ended_at, now)))
    if found.problem:
        fields.append(("Problem", found.problem))
    return Card(describe_trial(found, now), fields, shape=trial_shape)


def confirm(version: VersionOption = None, network: NetworkOption = None) -> Done:
    """Keep the policy on trial."""
    found = confirm_trial(network_id=get_network(network).pk, number=version, **act())
    return _done(f"Policy {found.number} stays in force.", found)


def revert(version: VersionOption = None, network: NetworkOption = None) -> Done:
    """End the trial at once: the policy before it comes back, as a new version."""
    found = revert_trial(network_id=get_network(network).pk, number=version, **act())
    return _done(f"Version {found.result} is in force: what policy {found.former} said.", found)


def tried(
    network_id: int, within: timedelta | None, edit: Callable[[], Result], *, cause: Cause, now: datetime
) -> Result:
    """Does an edit, on trial where ``within`` says for how long, and tells people until when.

    Raises what the edit raises, ValidationError, OnTrialError.
    """
    if within is None:
        return edit()
    done = begin_trial(network_id=network_id, within=within, apply=edit, cause=cause, now=now)
    running = open_trial(network_id)
    if running is not None:
        left = exact(max(0, round((running.deadline - now).total_seconds())))
        note(f"On trial: in {left} version {running.former} comes back, unless you say: policy confirm")
    return done.result


def _done(text: str, found: PolicyTrial) -> Done:
    value: dict[str, Any] = describe_trial(found, timezone.now())
    return Done(text, value, shape=trial_shape)
