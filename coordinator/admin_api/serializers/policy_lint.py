from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.policy.lint import PolicyRemark
from mesh.policy import Labels, format_selector


class RemarkOut(serializers.Serializer[Any]):
    """One remark. ``position`` and ``rule`` are null where it is about no rule; ``at`` is the instant it speaks of;
    ``by`` are the positions of the rules because of which it is so."""

    finding = serializers.CharField()
    message = serializers.CharField()
    position = serializers.IntegerField(allow_null=True)
    rule = serializers.IntegerField(allow_null=True)
    selector = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    by = serializers.ListField(child=serializers.IntegerField())

    class Meta:
        ref_name = "PolicyRemark"


class LintOut(serializers.Serializer[Any]):
    """What is worth a remark, by position of the rule."""

    remarks = RemarkOut(many=True)

    class Meta:
        ref_name = "PolicyLint"


def describe_remark(remark: PolicyRemark, labels: Labels) -> dict[str, Any]:
    """A remark as ``RemarkOut`` takes it, with the names that people know."""
    message, selector = remark.message, None
    if remark.selector is not None:
        selector = format_selector(remark.selector, labels)
        message = message.replace(str(remark.selector), selector)
    return {
        "finding": remark.finding,
        "message": message,
        "position": remark.position or None,
        "rule": remark.rule_id or None,
        "selector": selector,
        "at": remark.at,
        "by": list(remark.by),
    }
