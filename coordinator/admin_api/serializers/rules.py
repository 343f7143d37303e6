from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from acl.models import AclRule
from acl.selectors import labels_for, rule_value
from acl.selectors.policy import schedule_row
from acl.states import RuleWord, rule_state
from coordinator.admin_api.fields import (
    CommentField,
    FlagField,
    IdField,
    StrictSerializer,
    TextField,
    TextListField,
    WholeNumberField,
)
from coordinator.serializers import AttributeField
from mesh.policy import PortRange, format_ports, format_protocol, format_selector, parse_stored
from mesh.policy.limits import MAX_PORT_RANGES, MAX_RULES, MAX_SELECTORS
from mesh.policy.schedule import WEEKDAYS

MAX_SELECTOR = 260
MAX_RULE_NAME = 100


class ScheduleOut(serializers.Serializer[Any]):
    """When a rule is in force, by the wall clock of ``timezone`` and between two instants; what is not given is open.

    A window that ends before it starts crosses midnight; its weekdays are those on which it opens.
    """

    weekdays = serializers.ListField(child=serializers.ChoiceField(choices=WEEKDAYS), required=False)
    start = serializers.CharField(required=False, help_text="HH:MM")
    end = serializers.CharField(required=False, help_text="HH:MM, up to 24:00")
    timezone = serializers.CharField(required=False, help_text="An IANA name, such as Europe/Berlin.")
    not_before = serializers.DateTimeField(required=False)
    expires_at = serializers.DateTimeField(required=False)

    class Meta:
        ref_name = "Schedule"


class ConditionOut(serializers.Serializer[Any]):
    """What the source node must report: ``os`` in a list, ``agent_version`` at least, or an ``attribute`` of its
    posture that ``equals`` a value, is ``in`` a list or ``exists``."""

    os = serializers.ListField(child=serializers.CharField(), required=False)
    agent_version = serializers.CharField(required=False)
    attribute = serializers.CharField(required=False)
    equals = AttributeField(required=False)
    exists = serializers.BooleanField(required=False)

    class Meta:
        ref_name = "Condition"

    def get_fields(self) -> dict[str, Any]:
        # "in" cannot be the name of a class attribute.
        return {**super().get_fields(), "in": serializers.ListField(child=AttributeField(), required=False)}


class RuleOut(serializers.Serializer[Any]):
    """A rule. The first that matches, by position, decides. Selectors, protocols and ports as people write them.

    ``state``: ``on`` (in force now), ``waiting`` (for its schedule), ``ended`` (its time is over; it is kept, switched
    off) or ``off``. It changes by itself at ``changes_at``.
    """

    id = serializers.IntegerField()
    position = serializers.IntegerField()
    name = serializers.CharField(allow_blank=True)
    action = serializers.ChoiceField(choices=AclRule.Action.values)
    sources = serializers.ListField(child=serializers.CharField())
    destinations = serializers.ListField(child=serializers.CharField())
    protocols = serializers.ListField(child=serializers.CharField())
    ports = serializers.ListField(child=serializers.CharField())
    schedule = ScheduleOut(allow_null=True)
    conditions = ConditionOut(many=True)
    enabled = serializers.BooleanField()
    comment = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=list(RuleWord))
    changes_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "Rule"


@extend_schema_field(ScheduleOut)
class ScheduleField(serializers.Field[Any, Any, Any, Any]):
    """A schedule. What is wrong with one, the service says in words."""

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(ConditionOut(many=True))
class ConditionsField(ScheduleField):
    """Conditions, all of which must hold."""


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
    schedule = ScheduleField(required=False, allow_null=True, help_text="null: always.")
    conditions = ConditionsField(required=False, help_text="None: whatever the source node reports.")
    enabled = FlagField(required=False)
    comment = CommentField()


class RuleNew(RuleEdit):
    """A rule to make, at the end or at ``position`` (1: first)."""

    sources = _selectors()
    destinations = _selectors()
    position = WholeNumberField(required=False, min_value=1, max_value=MAX_RULES)


class RuleOrder(StrictSerializer):
    """All rules of the network by id, in the order in which they shall decide."""

    order = serializers.ListField(child=IdField(), max_length=MAX_RULES)


class RuleMove(StrictSerializer):
    """Where a rule is to stand: 1 is the first place, one beyond the end the last."""

    position = WholeNumberField(min_value=1, max_value=MAX_RULES)


def describe_rules(rules: Sequence[AclRule], now: datetime) -> list[dict[str, Any]]:
    """Rules as ``RuleOut`` takes them, with the names of users and nodes in two queries."""
    labels = labels_for([text for rule in rules for text in (*rule.sources, *rule.destinations)])
    states = {rule.pk: rule_state(rule_value(rule), now) for rule in rules}
    return [
        {
            **{name: getattr(rule, name) for name in ("position", "name", "action", "enabled", "comment")},
            "id": rule.pk,
            "sources": [format_selector(parse_stored(text), labels) for text in rule.sources],
            "destinations": [format_selector(parse_stored(text), labels) for text in rule.destinations],
            "protocols": [format_protocol(number) for number in rule.protocols],
            "ports": [format_ports((PortRange(first, last),)) for first, last in rule.ports],
            "schedule": schedule_row(rule),
            "conditions": rule.conditions,
            "state": states[rule.pk].word,
            "changes_at": states[rule.pk].changes_at,
        }
        for rule in rules
    ]
