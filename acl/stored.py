"""A whole policy as JSON: what versions keep, and what the change log says of one.

Selectors stand in their bound form (``user#7``). Everything is in one order, so that equal policies have equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
import zstandard
from blake3 import blake3

from mesh.policy import (
    Action,
    Assertion,
    Group,
    Host,
    NodeAttribute,
    Policy,
    PortRange,
    RouteApprover,
    Rule,
    Selector,
    TagOwner,
    Target,
    conditions_from_json,
    format_stored,
    parse_prefix,
    parse_stored,
    renumber,
    schedule_to_json,
)
from mesh.policy.conditions import condition_to_json
from mesh.policy.schedule import WEEKDAYS, Schedule, parse_instant, parse_minutes

Facts = dict[str, Any]

SECTIONS: Final = ("rules", "groups", "hosts", "tags", "approvers", "exit_approvers", "attributes", "tests")
"""The members of the facts that decide something; beside them stand ``comments``."""

_COMMENTED: Final = ("groups", "hosts", "tags")


def facts_of(policy: Policy, comments: Mapping[str, Mapping[str, str]] | None = None) -> Facts:
    """``policy`` as JSON; ``comments`` are those of groups, hosts and tags, by kind and name."""
    comments = comments or {}
    facts: Facts = {
        "rules": [rule_facts(rule) for rule in renumber(policy.ordered())],
        "groups": {
            group.name: {"users": sorted(group.users), "groups": sorted(group.groups)}
            for group in sorted(policy.groups, key=lambda item: item.name)
        },
        "hosts": {host.name: str(host.prefix) for host in sorted(policy.hosts, key=lambda item: item.name)},
        "tags": {row.tag: _texts(row.owners) for row in sorted(policy.tag_owners, key=lambda item: item.tag)},
        "approvers": dict(sorted((str(row.prefix), _texts(row.approvers)) for row in policy.route_approvers)),
        "exit_approvers": _texts(policy.exit_approvers),
        "attributes": [
            {"targets": _texts(row.targets), "attributes": list(row.attributes)} for row in policy.node_attributes
        ],
        "tests": [assertion_facts(item) for item in policy.assertions],
    }
    facts["comments"] = {
        kind: {name: text for name, text in sorted(comments.get(kind, {}).items()) if text and name in facts[kind]}
        for kind in _COMMENTED
    }
    return facts


def rule_facts(rule: Rule) -> dict[str, Any]:
    """One rule as JSON."""
    return {
        "id": rule.id,
        "position": rule.position,
        "name": rule.name,
        "comment": rule.comment,
        "action": rule.action.value,
        "sources": _texts(rule.sources),
        "destinations": _texts(rule.destinations),
        "protocols": list(rule.protocols),
        "ports": [[item.first, item.last] for item in rule.ports],
        "schedule": None if rule.schedule is None else schedule_to_json(rule.schedule),
        "conditions": [condition_to_json(item) for item in rule.conditions],
        "enabled": rule.enabled,
    }


def assertion_facts(item: Assertion) -> dict[str, Any]:
    """One stored assertion as JSON."""
    return {
        "source": format_stored(item.source),
        "accept": [target_facts(target) for target in item.accept],
        "deny": [target_facts(target) for target in item.deny],
        "protocol": item.protocol,
        "posture": dict(item.posture),
    }


def policy_of(facts: Mapping[str, Any]) -> Policy:
    """The policy that ``facts`` say. Raises ValidationError if they cannot be read."""
    return Policy(
        rules=tuple(rule_of(item) for item in facts["rules"]),
        groups=tuple(
            Group(name, frozenset(item["users"]), frozenset(item["groups"])) for name, item in facts["groups"].items()
        ),
        hosts=tuple(Host(name, parse_prefix(prefix)) for name, prefix in facts["hosts"].items()),
        tag_owners=tuple(TagOwner(tag, _selectors(owners)) for tag, owners in facts["tags"].items()),
        route_approvers=tuple(
            RouteApprover(parse_prefix(prefix), _selectors(approvers))
            for prefix, approvers in facts["approvers"].items()
        ),
        exit_approvers=_selectors(facts["exit_approvers"]),
        node_attributes=tuple(
            NodeAttribute(_selectors(item["targets"]), tuple(item["attributes"])) for item in facts["attributes"]
        ),
        assertions=tuple(assertion_of(item) for item in facts["tests"]),
    )


def rule_of(item: Mapping[str, Any]) -> Rule:
    """The rule that ``rule_facts`` wrote. Raises ValidationError."""
    return Rule(
        id=item["id"],
        position=item["position"],
        action=Action(item["action"]),
        sources=_selectors(item["sources"]),
        destinations=_selectors(item["destinations"]),
        protocols=tuple(item["protocols"]),
        ports=_ports(item["ports"]),
        schedule=schedule_of(item["schedule"]),
        conditions=conditions_from_json(item["conditions"]),
        enabled=item["enabled"],
        name=item["name"],
        comment=item["comment"],
    )


def schedule_of(item: Mapping[str, Any] | None) -> Schedule | None:
    """A stored schedule. One whose time zone this machine does not know (any more) is read all the same: the engine
    knows which way each rule falls then. Raises ValidationError."""
    if not item:
        return None
    return Schedule(
        frozenset(WEEKDAYS.index(day) for day in item.get("weekdays", ())),
        parse_minutes(item.get("start")),
        parse_minutes(item.get("end")),
        item.get("timezone", "UTC"),
        parse_instant(item.get("not_before")),
        parse_instant(item.get("expires_at")),
    )


def assertion_of(item: Mapping[str, Any]) -> Assertion:
    """The assertion that ``assertion_facts`` wrote. Raises ValidationError."""
    return Assertion(
        source=parse_stored(item["source"]),
        accept=tuple(_target(target) for target in item["accept"]),
        deny=tuple(_target(target) for target in item["deny"]),
        protocol=item["protocol"],
        posture=tuple(item["posture"].items()),
    )


def same_policy(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two facts say the same, ids of rules and comments of groups, hosts and tags aside."""
    return content_of(one) == content_of(other)


def content_of(facts: Mapping[str, Any]) -> Facts:
    """What facts say apart from the ids of rules and from comments."""
    content = {name: facts[name] for name in SECTIONS}
    return content | {"rules": [item | {"id": 0} for item in facts["rules"]]}


def digest_of(facts: Mapping[str, Any]) -> str:
    """BLAKE3 over everything but the ids of rules, as 64 hexadecimal digits."""
    content = content_of(facts) | {"comments": facts["comments"]}
    return blake3(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def pack_facts(facts: Mapping[str, Any]) -> bytes:
    """Facts as a version keeps them: JSON in a zstd frame. Order counts, and stays."""
    return zstandard.ZstdCompressor(level=3).compress(orjson.dumps(facts))


def unpack_facts(packed: bytes | memoryview) -> Facts:
    """The facts that ``pack_facts`` packed."""
    facts: Facts = orjson.loads(zstandard.ZstdDecompressor().decompress(bytes(packed)))
    return facts


def _texts(selectors: Iterable[Selector]) -> list[str]:
    return [format_stored(item) for item in selectors]


def _selectors(texts: Iterable[str]) -> tuple[Selector, ...]:
    return tuple(parse_stored(text) for text in texts)


def _ports(pairs: Iterable[Iterable[int]]) -> tuple[PortRange, ...]:
    return tuple(PortRange(first, last) for first, last in pairs)


def target_facts(target: Target) -> dict[str, Any]:
    """What an assertion aims at, as JSON."""
    return {
        "destination": format_stored(target.destination),
        "ports": [[item.first, item.last] for item in target.ports],
    }


def _target(item: Mapping[str, Any]) -> Target:
    return Target(parse_stored(item["destination"]), _ports(item["ports"]))
