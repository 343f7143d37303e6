"""Rules, groups, hosts and tags as commands show them: selectors as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acl.models import AclRule, Group, Host, TagOwner
from acl.selectors import labels_for, rule_value
from coordinator.cli.results import Card, Cell, Column, Value, Word
from coordinator.cli.text import count, listed
from mesh.policy import (
    Labels,
    Rule,
    conditions_from_json,
    format_ports,
    format_protocol,
    format_selector,
    parse_stored,
    schedule_from_json,
    schedule_to_json,
)
from mesh.policy.conditions import condition_to_json, describe_condition
from mesh.policy.schedule import describe_schedule

ACTIONS: Final = {
    "accept": Word("accept", "green", "→"),
    "deny": Word("deny", "red", "✕"),
    "off": Word("off", "bright_black", "○"),
}


def rule_values(rules: Sequence[AclRule]) -> list[dict[str, Any]]:
    """Rules for programs; what is written here can be given back to ``rule create``."""
    labels = labels_for([item for rule in rules for item in (*rule.sources, *rule.destinations)])
    return [_rule_value(rule_value(rule), labels) for rule in rules]


def _rule_value(rule: Rule, labels: Labels) -> dict[str, Any]:
    return {
        "id": rule.id,
        "position": rule.position,
        "name": rule.name,
        "action": rule.action.value,
        "sources": [format_selector(item, labels) for item in rule.sources],
        "destinations": [format_selector(item, labels) for item in rule.destinations],
        "protocols": [format_protocol(number) for number in rule.protocols],
        "ports": [format_ports((item,)) for item in rule.ports],
        "schedule": None if rule.schedule is None else schedule_to_json(rule.schedule),
        "conditions": [condition_to_json(item) for item in rule.conditions],
        "enabled": rule.enabled,
        "comment": rule.comment,
    }


def limits(value: Value) -> list[str]:
    """When a rule is in force, and what it requires, in words; empty: always, of anybody."""
    schedule = schedule_from_json(value["schedule"])
    words = [] if schedule is None else [describe_schedule(schedule)]
    return words + [describe_condition(item) for item in conditions_from_json(value["conditions"])]


def services(value: Value) -> str:
    """Protocols and ports of a rule in words: ``tcp 22,443``, ``any``."""
    protocols, ports = ",".join(value["protocols"]), ",".join(value["ports"])
    return " ".join(filter(None, (protocols, ports))) or "any"


RULE_COLUMNS: Final = (
    Column("#", lambda value: str(value["position"]), keep=True, right=True),
    Column("Id", lambda value: str(value["id"]), keep=True, right=True),
    Column("Action", lambda value: ACTIONS[value["action"] if value["enabled"] else "off"], keep=True),
    Column("From", lambda value: listed(value["sources"], most=3)),
    Column("To", lambda value: listed(value["destinations"], most=3)),
    Column("Service", services),
    Column("Name", lambda value: value["name"] or "-"),
    Column("Only", lambda value: "; ".join(limits(value)) or "-", wide=True),
    Column("Comment", lambda value: value["comment"] or "-", wide=True),
)


def rule_card(value: Value) -> Card:
    """``rule show``."""
    fields: list[tuple[str, Cell]] = [
        ("Id", str(value["id"])),
        ("Position", str(value["position"])),
        ("Name", value["name"] or "-"),
        ("Action", ACTIONS[value["action"]]),
        ("Enabled", "yes" if value["enabled"] else "no: as if absent"),
        ("From", ", ".join(value["sources"])),
        ("To", ", ".join(value["destinations"])),
        ("Protocols", ", ".join(value["protocols"]) or "tcp, udp and ping"),
        ("Ports", ", ".join(value["ports"]) or "any"),
        ("Only", "; ".join(limits(value)) or "always, and of anybody"),
        ("Comment", value["comment"] or "-"),
    ]
    return Card(value, fields)


def sentence(value: Value) -> str:
    """A rule in one line, for a confirmation."""
    name = f"{value['name']}: " if value["name"] else ""
    source, target = listed(value["sources"]), listed(value["destinations"])
    return ", ".join([f"{name}{value['action']} {source} to {target}", services(value), *limits(value)])


def group_value(group: Group) -> dict[str, Any]:
    """A group (with members) for programs."""
    members = list(group.members.all())
    return {
        "id": group.pk,
        "name": group.name,
        "users": sorted(row.user.username for row in members if row.user is not None),
        "groups": sorted(row.subgroup.name for row in members if row.subgroup is not None),
        "comment": group.comment,
    }


def members_of(value: Value) -> list[str]:
    """The members of a group as one writes them."""
    return [*value["users"], *(f"group:{name}" for name in value["groups"])]


GROUP_COLUMNS: Final = (
    Column("Id", lambda value: str(value["id"]), keep=True, right=True),
    Column("Group", lambda value: f"group:{value['name']}"),
    Column("Members", lambda value: listed(members_of(value)) or "nobody"),
    Column("Comment", lambda value: value["comment"] or "-", wide=True),
)


def group_card(value: Value) -> Card:
    """``group show``."""
    fields: list[tuple[str, Cell]] = [
        ("Id", str(value["id"])),
        ("Name", f"group:{value['name']}"),
        ("Users", ", ".join(value["users"]) or "none"),
        ("Groups", ", ".join(f"group:{name}" for name in value["groups"]) or "none"),
        ("Comment", value["comment"] or "-"),
    ]
    return Card(value, fields)


def host_value(host: Host) -> dict[str, Any]:
    """A named host for programs."""
    return {"id": host.pk, "name": host.name, "prefix": host.prefix, "comment": host.comment}


HOST_COLUMNS: Final = (
    Column("Id", lambda value: str(value["id"]), keep=True, right=True),
    Column("Host", lambda value: f"host:{value['name']}"),
    Column("Stands for", lambda value: value["prefix"], keep=True),
    Column("Comment", lambda value: value["comment"] or "-"),
)


def tag_values(rows: Sequence[TagOwner], carriers: dict[str, int]) -> list[dict[str, Any]]:
    """Declared tags for programs; ``carriers`` is how many nodes have each."""
    labels = labels_for([item for row in rows for item in row.owners])
    return [
        {
            "id": row.pk,
            "tag": row.tag,
            "owners": [format_selector(parse_stored(item), labels) for item in row.owners],
            "nodes": carriers.get(row.tag, 0),
            "comment": row.comment,
        }
        for row in rows
    ]


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
