from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import InstantField, QueryNumberField, TextField
from coordinator.admin_api.paging import NetworkQuery
from coordinator.policy.explain import ExplainedFlow
from mesh.errors import ValidationError
from mesh.explain.flow import Answer, Reason
from mesh.policy import Rule, parse_protocol
from mesh.policy.services import LAST_PORT, PORT_PROTOCOLS, format_protocol

MAX_POINT = 260


class ProtocolField(TextField):
    """A protocol by name or number, as it was written."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            parse_protocol(text)
        except ValidationError as error:
            raise serializers.ValidationError(error.detail) from error
        return text


class ExplainQuery(NetworkQuery):
    """A flow. Its ends are nodes (by name or id), addresses or named hosts."""

    source = TextField(max_length=MAX_POINT)  # type: ignore[assignment]
    destination = TextField(max_length=MAX_POINT)
    protocol = ProtocolField(max_length=16, default="tcp", help_text="A name or a number.")
    port = QueryNumberField(
        required=False, min_value=0, max_value=LAST_PORT, help_text="Of the destination; for tcp, udp and sctp."
    )
    at = InstantField(
        required=False, help_text="Decide for this instant: schedules as they are then, all else as it is now."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        protocol = parse_protocol(attrs["protocol"])
        if "port" not in attrs and protocol in PORT_PROTOCOLS:
            raise serializers.ValidationError({"port": f"{format_protocol(protocol)} needs a port."})
        return attrs | {"protocol": protocol}


class ExplainedRuleOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    position = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]
    action = serializers.CharField()

    class Meta:
        ref_name = "ExplainedRule"


class PassedOverOut(serializers.Serializer[Any]):
    """A rule that came first and did not decide, and why, in a word and in words."""

    rule = ExplainedRuleOut()
    reason = serializers.ChoiceField(choices=list(Reason))
    detail = serializers.CharField()

    class Meta:
        ref_name = "PassedOverRule"


class AnswerOut(serializers.Serializer[Any]):
    """The decision for one pair of addresses. ``rule`` is null where none matched, and the flow is denied for that.
    ``through`` are the nodes that the destination is reached through: itself, its routers, or exit nodes."""

    source = serializers.IPAddressField()  # type: ignore[assignment]
    destination = serializers.IPAddressField()
    accepted = serializers.BooleanField()
    rule = ExplainedRuleOut(allow_null=True)
    passed_over = PassedOverOut(many=True)
    through = serializers.ListField(child=serializers.CharField())

    class Meta:
        ref_name = "ExplainedAnswer"


class ExplainOut(serializers.Serializer[Any]):
    """One answer an address family. ``accepted`` says whether any of them is; ``note`` why there is none."""

    accepted = serializers.BooleanField()
    at = serializers.DateTimeField()
    note = serializers.CharField(allow_blank=True)
    answers = AnswerOut(many=True)

    class Meta:
        ref_name = "PolicyExplanation"


def describe_explanation(found: ExplainedFlow) -> dict[str, Any]:
    """An explanation as ``ExplainOut`` takes it."""
    said = found.explanation
    return {
        "accepted": said.accepted,
        "at": found.at,
        "note": said.note,
        "answers": [_answer(answer, found) for answer in said.answers],
    }


def _answer(answer: Answer, found: ExplainedFlow) -> dict[str, Any]:
    nodes = [node for ident in answer.through if (node := found.compiled.node(ident)) is not None]
    return {
        "source": str(answer.source),
        "destination": str(answer.destination),
        "accepted": answer.accepted,
        "rule": None if answer.rule is None else _rule(answer.rule),
        "passed_over": [
            {"rule": _rule(item.rule), "reason": item.reason, "detail": item.detail} for item in answer.passed_over
        ],
        "through": [node.name for node in nodes],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {"id": rule.id, "position": rule.position, "label": rule.label(), "action": str(rule.action)}
