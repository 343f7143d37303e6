from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from acl.models import AclRule
from acl.selectors import labels_for
from coordinator.admin_api.fields import (
    CommentField,
    FlagField,
    StrictSerializer,
    TextField,
    TextListField,
    WholeNumberField,
)
from mesh.policy import PortRange, format_ports, format_protocol, format_selector, parse_stored
from mesh.policy.limits import MAX_PORT_RANGES, MAX_RULES, MAX_SELECTORS

MAX_SELECTOR = 260
MAX_RULE_NAME = 100


class RuleOut(serializers.Serializer[Any]):
    """A rule. The first that matches, by position, decides. Selectors, protocols and ports as people write them."""

    id = serializers.IntegerField()
    position = serializers.IntegerField()
    name = serializers.CharField(allow_blank=True)
    action = serializers.ChoiceField(choices=AclRule.Action.values)
    sources = serializers.ListField(child=serializers.CharField())
    destinations = serializers.ListField(child=serializers.CharField())
    protocols = serializers.ListField(child=serializers.CharField())
    ports = serializers.ListField(child=serializers.CharField())
    enabled = serializers.BooleanField()
    comment = serializers.CharField(allow_blank=True)

    class Meta:
        ref_name = "Rule"


def _selectors(**options: Any) -> TextListField:
    return TextListField(each=MAX_SELECTOR, most=MAX_SELECTORS, min_length=1, **options)


class RuleEdit(StrictSerializer):
    """What of a rule is to change."""

    name = TextField(required=False, max_length=MAX_RULE_NAME, allow_blank=True)
    action = serializers.ChoiceField(required=False, choices=AclRule.Action.values)
    sources = _selectors(required=False)
    destinations = _selectors(required=False)
    protocols = TextListField(required=False, each=16, most=255, help_text="Names or numbers; none: TCP, UDP, ICMP.")
    ports = TextListField(required=False, each=16, most=MAX_PORT_RANGES, help_text="As in 22 or 8000-8999; none: any.")
    enabled = FlagField(required=False)
    comment = CommentField()


class RuleNew(RuleEdit):
    """A rule to make, at the end or at ``position`` (1: first)."""

    sources = _selectors()
    destinations = _selectors()
    position = WholeNumberField(required=False, min_value=1, max_value=MAX_RULES)


class RuleMove(StrictSerializer):
    """Where a rule is to stand: 1 is the first place, one beyond the end the last."""

    position = WholeNumberField(min_value=1, max_value=MAX_RULES)


def describe_rules(rules: Sequence[AclRule]) -> list[dict[str, Any]]:
    """Rules as ``RuleOut`` takes them, with the names of users and nodes in two queries."""
    labels = labels_for([text for rule in rules for text in (*rule.sources, *rule.destinations)])
    return [
        {
            **{name: getattr(rule, name) for name in ("position", "name", "action", "enabled", "comment")},
            "id": rule.pk,
            "sources": [format_selector(parse_stored(text), labels) for text in rule.sources],
            "destinations": [format_selector(parse_stored(text), labels) for text in rule.destinations],
            "protocols": [format_protocol(number) for number in rule.protocols],
            "ports": [format_ports((PortRange(first, last),)) for first, last in rule.ports],
        }
        for rule in rules
    ]
