"""Rules, groups, hosts and tags as commands show them: selectors as people write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Count
from rest_framework import serializers

from acl.models import AclRule, Group, TagOwner
from coordinator.admin_api.serializers.groups import GroupOut, describe_groups
from coordinator.admin_api.serializers.hosts import HostOut
from coordinator.admin_api.serializers.rules import RuleOut, describe_rules
from coordinator.admin_api.serializers.tags import TagOut, describe_tags
from coordinator.cli.results import Card, Cell, Column, Word, shaped_by
from coordinator.cli.text import count, listed
from coordinator.cli.times import both
from mesh.policy import conditions_from_json, schedule_from_json
from mesh.policy.conditions import describe_condition
from mesh.policy.schedule import describe_schedule
from nodes.models import Network, NodeTag

Value = Mapping[str, Any]


class GroupShown(GroupOut):
    """A group with its members as one writes them, too."""

    members = serializers.ListField(child=serializers.CharField())


rule_shape: Final = shaped_by(RuleOut)
group_shape: Final = shaped_by(GroupShown)
host_shape: Final = shaped_by(HostOut)
tag_shape: Final = shaped_by(TagOut)

ACTIONS: Final = {"accept": Word("accept", "green", "→"), "deny": Word("deny", "red", "✕")}
STATES: Final = {
    "on": Word("on", "green", "●"),
    "waiting": Word("waiting", "blue", "◌"),
    "ended": Word("ended", "bright_black", "○"),
    "off": Word("off", "bright_black", "○"),
}


def rule_values(rules: Sequence[AclRule], now: datetime) -> list[dict[str, Any]]:
    """Rules as the API describes them."""
    return describe_rules(rules, now)


def services(value: Value) -> str:
    """Protocols and ports of a rule in words: ``tcp 22,443``, ``any``."""
    protocols, ports = ",".join(value["protocols"]), ",".join(value["ports"])
    return " ".join(filter(None, (protocols, ports))) or "any"


def limits(value: Value) -> list[str]:
    """When a rule is in force, and what it requires, in words; empty: always, of anybody."""
    schedule = schedule_from_json(value["schedule"])
    words = [] if schedule is None else [describe_schedule(schedule)]
    return words + [describe_condition(item) for item in conditions_from_json(value["conditions"])]


_RULE_COLUMNS: Final = (
    Column("#", lambda value: str(value["position"]), keep=True, right=True),
    Column("Id", lambda value: str(value["id"]), keep=True, right=True),
    Column("State", lambda value: STATES[value["state"]], keep=True),
    Column("Action", lambda value: ACTIONS[value["action"]], keep=True),
    Column("From", lambda value: listed(value["sources"], most=3)),
    Column("To", lambda value: listed(value["destinations"], most=3)),
    Column("Service", services),
    Column("Name", lambda value: value["name"] or "-"),
    Column("Comment", lambda value: value["comment"] or "-", wide=True),
)
_ONLY: Final = Column("Only", lambda value: "; ".join(limits(value)) or "-")


def rule_columns(values: Sequence[Value]) -> list[Column]:
    """The columns of ``rule list``. Where a rule has limits there is a column for them: it must not look as if it had
    none."""
    limited = any(limits(value) for value in values)
    return [*_RULE_COLUMNS[:7], *([_ONLY] if limited else []), *_RULE_COLUMNS[7:]]


def rule_card(value: Value, now: datetime) -> Card:
    """``rule show``."""
    changes_at = value["changes_at"]
    fields: list[tuple[str, Cell]] = [
        ("Id", str(value["id"])),
        ("Position", str(value["position"])),
        ("Name", value["name"] or "-"),
        ("State", STATES[value["state"]]),
        ("Action", ACTIONS[value["action"]]),
        ("From", ", ".join(value["sources"])),
        ("To", ", ".join(value["destinations"])),
        ("Protocols", ", ".join(value["protocols"]) or "tcp, udp and ping"),
        ("Ports", ", ".join(value["ports"]) or "any"),
        ("Only", "; ".join(limits(value)) or "always, and of anybody"),
        ("Comment", value["comment"] or "-"),
    ]
    if changes_at is not None:
        fields.insert(4, ("Changes", both(changes_at, now)))
    return Card(value, fields, shape=rule_shape)


def sentence(value: Value) -> str:
    """A rule in one line, for a confirmation."""
    name = f"{value['name']}: " if value["name"] else ""
    source, target = listed(value["sources"]), listed(value["destinations"])
    return ", ".join([f"{name}{value['action']} {source} to {target}", services(value), *limits(value)])


def group_values(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Groups (with members, their users and subgroups) as ``GroupShown`` takes them."""
    values = describe_groups(groups)
    for group, value in zip(groups, values, strict=True):
        rows = list(group.members.all())
        users = sorted(row.user.username for row in rows if row.user is not None)
        value["members"] = users + sorted(str(row.subgroup) for row in rows if row.subgroup is not None)
    return values


GROUP_COLUMNS: Final = (
    Column("Id", lambda value: str(value["id"]), keep=True, right=True),
    Column("Group", lambda value: f"group:{value['name']}"),
    Column("Members", lambda value: listed(value["members"]) or "nobody"),
    Column("Comment", lambda value: value["comment"] or "-", wide=True),
)


def group_card(value: Value) -> Card:
    """``group show``."""
    fields: list[tuple[str, Cell]] = [
        ("Id", str(value["id"])),
        ("Name", f"group:{value['name']}"),
        ("Members", ", ".join(value["members"]) or "nobody"),
        ("Comment", value["comment"] or "-"),
    ]
    return Card(value, fields, shape=group_shape)


HOST_COLUMNS: Final = (
    Column("Id", lambda host: str(host.pk), keep=True, right=True),
    Column("Host", str),
    Column("Stands for", lambda host: host.prefix, keep=True),
    Column("Comment", lambda host: host.comment or "-"),
)


def tag_values(network: Network, rows: Sequence[TagOwner]) -> list[dict[str, Any]]:
    """Declared tags as the API describes them; ``nodes``, for people, is how many carry each."""
    carried = NodeTag.objects.filter(node__network=network, tag__in=[row.tag for row in rows])
    carriers = dict(carried.order_by().values_list("tag").annotate(number=Count("pk")))
    return [value | {"nodes": carriers.get(value["tag"], 0)} for value in describe_tags(rows)]


TAG_COLUMNS: Final = (
    Column("Id", lambda value: str(value["id"]), keep=True, right=True),
    Column("Tag", lambda value: value["tag"]),
    Column("Given by", lambda value: listed(value["owners"]) or "administrators"),
    Column("Nodes", lambda value: str(value["nodes"]), keep=True, right=True),
    Column("Comment", lambda value: value["comment"] or "-", wide=True),
)


def who_has(value: Value) -> str:
    """How many nodes a tag touches, for a confirmation."""
    return f"{count(value['nodes'], 'node')} keep it."
