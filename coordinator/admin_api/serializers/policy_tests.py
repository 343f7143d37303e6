from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rest_framework import serializers

from acl.selectors import labels_for
from coordinator.admin_api.fields import StrictSerializer, TextField, TextListField
from coordinator.policy.testing import TestedRow, ends_of, readable_detail
from coordinator.serializers import AttributeField
from mesh.explain.assertions import Outcome
from mesh.policy import Labels, Target, format_selector, format_stored
from mesh.policy.document.destinations import format_destination
from mesh.policy.services import format_protocol

MAX_SELECTOR = 260
MAX_TARGET = 1_700
MAX_TARGETS = 200
MAX_ATTRIBUTES = 64


class TestEdit(StrictSerializer):
    """What of a test is to change."""

    source = TextField(required=False, max_length=MAX_SELECTOR)  # type: ignore[assignment]
    accept = TextListField(required=False, each=MAX_TARGET, most=MAX_TARGETS, help_text="As in tag:db:5432.")
    deny = TextListField(required=False, each=MAX_TARGET, most=MAX_TARGETS, help_text="As in tag:db:22,80-90.")
    protocol = TextField(
        required=False, allow_null=True, max_length=16, help_text="A name or a number; null: tcp and udp."
    )
    posture = serializers.DictField(
        child=AttributeField(), required=False, help_text="What the imagined source node reports."
    )

    def validate_posture(self, value: dict[str, Any]) -> dict[str, Any]:
        if len(value) > MAX_ATTRIBUTES:
            raise serializers.ValidationError(f"At most {MAX_ATTRIBUTES} attributes.")
        return value


class TestNew(TestEdit):
    """A test to add after the others."""

    source = TextField(max_length=MAX_SELECTOR)


class FailureOut(serializers.Serializer[Any]):
    """What a test wanted and did not get; ``position`` is the rule that decided otherwise, null where none did."""

    target = serializers.CharField()
    wanted = serializers.ChoiceField(choices=("accept", "deny"))
    detail = serializers.CharField()
    position = serializers.IntegerField(allow_null=True)

    class Meta:
        ref_name = "TestFailure"


class OutcomeOut(serializers.Serializer[Any]):
    """A test, and what failed of it."""

    source = serializers.CharField()  # type: ignore[assignment]
    accept = serializers.ListField(child=serializers.CharField())
    deny = serializers.ListField(child=serializers.CharField())
    protocol = serializers.CharField(allow_null=True)
    posture = serializers.DictField()
    passed = serializers.BooleanField()
    failures = FailureOut(many=True)

    class Meta:
        ref_name = "TestOutcome"


class TestOut(OutcomeOut):
    """A stored test, and what failed of it by the policy in force."""

    id = serializers.IntegerField()
    position = serializers.IntegerField()

    class Meta:
        ref_name = "PolicyTest"


class TestsOut(serializers.Serializer[Any]):
    """All stored tests, in order; ``passed`` says whether all of them hold."""

    passed = serializers.BooleanField()
    tests = TestOut(many=True)

    class Meta:
        ref_name = "PolicyTests"


def describe_tests(rows: Sequence[TestedRow]) -> list[dict[str, Any]]:
    """Tests as ``TestOut`` takes them, with the names of users and nodes in two queries."""
    found = describe_outcomes([item.outcome for item in rows])
    return [{"id": item.row.pk, "position": item.row.position} | said for item, said in zip(rows, found, strict=True)]


def describe_outcomes(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Outcomes as ``OutcomeOut`` takes them."""
    labels = labels_for([format_stored(end) for outcome in outcomes for end in ends_of(outcome.assertion)])
    return [_outcome(outcome, labels) for outcome in outcomes]


def _outcome(outcome: Outcome, labels: Labels) -> dict[str, Any]:
    said = outcome.assertion
    return {
        "source": format_selector(said.source, labels),
        "accept": _targets(said.accept, labels),
        "deny": _targets(said.deny, labels),
        "protocol": None if said.protocol is None else format_protocol(said.protocol),
        "posture": dict(said.posture),
        "passed": outcome.passed,
        "failures": [
            {
                "target": _target(item.target, labels),
                "wanted": "accept" if item.accept else "deny",
                "detail": readable_detail(item.detail, ends_of(said), labels),
                "position": item.position or None,
            }
            for item in outcome.failures
        ],
    }


def _targets(targets: Iterable[Target], labels: Labels) -> list[str]:
    return [_target(item, labels) for item in targets]


def _target(target: Target, labels: Labels) -> str:
    return format_destination(format_selector(target.destination, labels), target.destination, target.ports)
