from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from acl.models import PolicyTrial
from coordinator.admin_api.fields import QueryNumberField, StrictSerializer, WholeNumberField
from coordinator.admin_api.policy_edits import EditQuery

MAX_NUMBER = 2**31 - 1


class ConfirmWithinField(QueryNumberField):
    """Seconds."""

    def __init__(self, **options: Any) -> None:
        words = (
            "Put it on trial: after so many seconds (30 to 3600) the policy before comes back, unless this one is "
            "confirmed (`POST policy/trial/confirm`)."
        )
        super().__init__(required=False, min_value=30, max_value=3600, help_text=words, **options)


class TrialEditQuery(EditQuery):
    """Of an edit that may be put on trial."""

    confirm_within = ConfirmWithinField()


class TrialBody(StrictSerializer):
    """Which trial is meant: of this version of the policy; without it whichever runs."""

    version = WholeNumberField(required=False, min_value=1, max_value=MAX_NUMBER)


class TrialOut(serializers.Serializer[Any]):
    """A policy on trial. ``former`` comes back at ``deadline``, in ``seconds_left``, unless it is confirmed.
    ``outcome`` is empty while it runs, then ``confirmed`` or ``reverted``; ``result`` is the version that going back
    made. ``problem`` says why going back fails; it is tried again."""

    version = serializers.IntegerField()
    former = serializers.IntegerField()
    began_at = serializers.DateTimeField()
    deadline = serializers.DateTimeField()
    seconds_left = serializers.IntegerField()
    actor = serializers.CharField()
    origin = serializers.CharField(allow_blank=True)
    outcome = serializers.ChoiceField(choices=["", *PolicyTrial.Outcome.values], allow_blank=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField(allow_blank=True)
    result = serializers.IntegerField(allow_null=True)
    problem = serializers.CharField(allow_blank=True)

    class Meta:
        ref_name = "PolicyTrial"


class TrialStateOut(serializers.Serializer[Any]):
    """The latest trial, over or not; null where there never was one."""

    running = serializers.BooleanField()
    trial = TrialOut(allow_null=True)

    class Meta:
        ref_name = "PolicyTrialState"


def describe_trial(trial: PolicyTrial, now: datetime) -> dict[str, Any]:
    """A trial as ``TrialOut`` takes it."""
    names = (
        "former",
        "began_at",
        "deadline",
        "actor",
        "origin",
        "outcome",
        "ended_at",
        "ended_by",
        "result",
        "problem",
    )
    left = 0 if trial.ended_at is not None else max(0, round((trial.deadline - now).total_seconds()))
    return {name: getattr(trial, name) for name in names} | {"version": trial.number, "seconds_left": left}
