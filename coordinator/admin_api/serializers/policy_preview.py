from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import IdField, StrictSerializer, WholeNumberField
from coordinator.admin_api.serializers.policy_own import OwnLossesOut, describe_own
from coordinator.admin_api.serializers.policy_tests import OutcomeOut, describe_outcomes
from coordinator.admin_api.serializers.rules import RuleEdit
from coordinator.policy.own_machines import OwnLosses
from coordinator.policy.preview import LISTED, PolicyPreview
from coordinator.policy.proposals import RuleEdit as Edit
from coordinator.policy.proposals import Verb
from mesh.explain.preview import PairGroup
from mesh.hujson import MAX_BYTES
from mesh.policy import Labels, format_selector
from mesh.policy.limits import MAX_RULES

MAX_EDITS = 1_000
MAX_LISTED = 1_000
NOTHING = OwnLosses()


class EditIn(StrictSerializer):
    """One edit of a rule: ``update``, ``move`` and ``delete`` name it by ``id``; ``create`` and ``move`` say where."""

    do = serializers.ChoiceField(choices=list(Verb))
    id = IdField(required=False)
    position = WholeNumberField(required=False, min_value=1, max_value=MAX_RULES)
    fields = RuleEdit(required=False)  # type: ignore[assignment]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_new = attrs["do"] == Verb.CREATE
        if is_new == ("id" in attrs):
            raise serializers.ValidationError({"id": "A new rule has none." if is_new else "Which rule?"})
        return attrs


class PreviewBody(StrictSerializer):
    """What is to be looked at: ``edits`` of rules, one after the other, or a whole ``document`` in HuJSON."""

    edits = serializers.ListField(child=EditIn(), required=False, max_length=MAX_EDITS)
    document = serializers.CharField(required=False, max_length=MAX_BYTES, trim_whitespace=False)
    limit = WholeNumberField(
        required=False,
        min_value=0,
        max_value=MAX_LISTED,
        help_text=f"How many pairs are listed; {LISTED} if not given.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("edits" in attrs) == ("document" in attrs):
            raise serializers.ValidationError({"edits": "Either edits or a document."})
        return attrs


class CauseOut(serializers.Serializer[Any]):
    """Pairs that one rule lets see each other, by the selectors that match them."""

    position = serializers.IntegerField()
    rule = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    destination = serializers.CharField()
    pairs = serializers.IntegerField()

    class Meta:
        ref_name = "PreviewCause"


class PairField(serializers.ListField):
    """Two nodes, by name."""

    child = serializers.CharField()


class PreviewOut(serializers.Serializer[Any]):
    """What would change about who sees whom, counted exactly: pairs of nodes ``gained`` and ``lost``, by which rules,
    and the first of them. ``touched`` of ``nodes`` agents would be told something. ``objections`` speak against it: it
    would need ``force``. ``version`` is the policy's that it was held against; ``own`` what the caller would lose."""

    version = serializers.IntegerField()
    nodes = serializers.IntegerField()
    touched = serializers.IntegerField()
    gained = serializers.IntegerField()
    lost = serializers.IntegerField()
    gained_by = CauseOut(many=True)
    lost_by = CauseOut(many=True)
    first_gained = serializers.ListField(child=PairField())
    first_lost = serializers.ListField(child=PairField())
    tests = OutcomeOut(many=True, help_text="Stored tests that would fail.")
    objections = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())
    own = OwnLossesOut()

    class Meta:
        ref_name = "PolicyPreview"


def edits_of(items: Iterable[dict[str, Any]]) -> list[Edit]:
    """Checked edits as ``coordinator.policy.proposals`` takes them."""
    return [Edit(Verb(item["do"]), item.get("id"), item.get("fields", {}), item.get("position")) for item in items]


def describe_preview(found: PolicyPreview, labels: Labels, own: OwnLosses = NOTHING) -> dict[str, Any]:
    """A preview as ``PreviewOut`` takes it."""
    before, after, said = found.assessment.before, found.assessment.after, found.preview
    names = {rule.position: rule.label() for rule in after.policy.rules}
    former = {rule.position: rule.label() for rule in before.policy.rules}
    return {
        "version": found.version,
        "nodes": len(after.world.nodes),
        "touched": said.touched,
        "gained": said.gained,
        "lost": said.lost,
        "gained_by": [_cause(item, names, labels) for item in said.gained_by],
        "lost_by": [_cause(item, former, labels) for item in said.lost_by],
        "first_gained": [_pair(pair, labels) for pair in said.first_gained],
        "first_lost": [_pair(pair, labels) for pair in said.first_lost],
        "tests": describe_outcomes([item for item in found.assessment.outcomes if not item.passed]),
        "objections": list(found.assessment.objections),
        "warnings": list(after.warnings),
        "own": describe_own(own),
    }


def _cause(group: PairGroup, names: dict[int, str], labels: Labels) -> dict[str, Any]:
    cause = group.cause
    return {
        "position": cause.position,
        "rule": names.get(cause.position, ""),
        "source": format_selector(cause.source, labels),
        "destination": format_selector(cause.destination, labels),
        "pairs": group.pairs,
    }


def _pair(pair: tuple[int, int], labels: Labels) -> list[str]:
    return [labels.nodes.get(ident, f"node#{ident}") for ident in pair]
