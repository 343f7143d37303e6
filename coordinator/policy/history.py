"""Versions of a policy as people read them, and what differs between two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from acl.difference import EMPTY, difference
from acl.selectors import get_version, labels_in
from acl.selectors.history import facts_of_version
from acl.services.apply_rules import identified
from acl.stored import Facts, rule_of
from mesh.policy import Labels, PortRange, format_ports, format_protocol, format_selector, parse_stored


def compare_versions(*, network_id: int, before: int, after: int, matched: bool = False) -> dict[str, Any]:
    """What makes version ``before`` into ``after``, in the shape of ``acl.difference.difference``, with the names that
    people know. Version 0 is no policy at all. ``matched``: a rule that was deleted and came back with another id is
    the same rule, and has the id that it had before. Raises NotFoundError.
    """
    old, new = (
        EMPTY if number == 0 else facts_of_version(get_version(network_id, number)) for number in (before, after)
    )
    if matched:
        new = _matched(old, new)
    labels = labels_in(old, new)
    return difference(readable(old, labels), readable(new, labels))


def _matched(old: Facts, new: Facts) -> Facts:
    rules = identified(map(rule_of, old["rules"]), [rule_of(item) for item in new["rules"]])
    return new | {"rules": [item | {"id": rule.id} for item, rule in zip(new["rules"], rules, strict=True)]}


def readable(facts: Facts, labels: Labels) -> Facts:
    """The facts of a policy with selectors, users, protocols and ports as people write them."""
    return {
        "rules": [_rule(item, labels) for item in facts["rules"]],
        "groups": {
            name: {
                "users": [labels.users.get(pk, f"user#{pk}") for pk in item["users"]],
                "groups": item["groups"],
            }
            for name, item in facts["groups"].items()
        },
        "hosts": facts["hosts"],
        "tags": {tag: _selectors(owners, labels) for tag, owners in facts["tags"].items()},
        "approvers": {prefix: _selectors(approvers, labels) for prefix, approvers in facts["approvers"].items()},
        "exit_approvers": _selectors(facts["exit_approvers"], labels),
        "attributes": [{**item, "targets": _selectors(item["targets"], labels)} for item in facts["attributes"]],
        "tests": [_test(item, labels) for item in facts["tests"]],
        "comments": facts["comments"],
    }


def _rule(rule: Mapping[str, Any], labels: Labels) -> dict[str, Any]:
    return {
        **rule,
        "sources": _selectors(rule["sources"], labels),
        "destinations": _selectors(rule["destinations"], labels),
        "protocols": [format_protocol(number) for number in rule["protocols"]],
        "ports": _ports(rule["ports"]),
    }


def _test(item: Mapping[str, Any], labels: Labels) -> dict[str, Any]:
    return {
        "source": _selector(item["source"], labels),
        "accept": [_target(target, labels) for target in item["accept"]],
        "deny": [_target(target, labels) for target in item["deny"]],
        "protocol": None if item["protocol"] is None else format_protocol(item["protocol"]),
        "posture": item["posture"],
    }


def _target(target: Mapping[str, Any], labels: Labels) -> str:
    return f"{_selector(target['destination'], labels)}:{','.join(_ports(target['ports'])) or '*'}"


def _ports(pairs: Iterable[Iterable[int]]) -> list[str]:
    return [format_ports((PortRange(first, last),)) for first, last in pairs]


def _selectors(texts: Iterable[str], labels: Labels) -> list[str]:
    return [_selector(text, labels) for text in texts]


def _selector(text: str, labels: Labels) -> str:
    return format_selector(parse_stored(text), labels)
