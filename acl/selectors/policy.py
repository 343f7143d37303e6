"""A network's policy from its rows."""

from __future__ import annotations

from typing import Any

from acl.models import AclRule, AutoApprover, Group, Host, NodeAttribute, PolicyTest, TagOwner
from acl.selectors.names import load_groups
from acl.stored import Facts, assertion_of, facts_of, rule_of
from acl.stored import policy_of as policy_of_facts
from mesh.policy import Host as PolicyHost
from mesh.policy import NodeAttribute as PolicyAttribute
from mesh.policy import Policy, RouteApprover, Rule, parse_prefix, parse_stored
from mesh.policy import TagOwner as PolicyTagOwner
from mesh.policy.schedule import format_instant


def load_policy(network_id: int) -> Policy:
    """A network's whole policy, in eight queries. Raises ValidationError if what is stored cannot be read."""
    approvers = AutoApprover.objects.filter(network_id=network_id).order_by("prefix")
    return Policy(
        rules=tuple(rule_value(rule) for rule in AclRule.objects.filter(network_id=network_id).order_by("position")),
        groups=tuple(load_groups(network_id).values()),
        hosts=tuple(
            PolicyHost(host.name, parse_prefix(host.prefix)) for host in Host.objects.filter(network_id=network_id)
        ),
        tag_owners=tuple(
            PolicyTagOwner(row.tag, tuple(parse_stored(owner) for owner in row.owners))
            for row in TagOwner.objects.filter(network_id=network_id)
        ),
        route_approvers=tuple(
            RouteApprover(parse_prefix(row.prefix), tuple(parse_stored(text) for text in row.approvers))
            for row in approvers
            if row.prefix
        ),
        exit_approvers=tuple(parse_stored(text) for row in approvers if not row.prefix for text in row.approvers),
        node_attributes=tuple(
            PolicyAttribute(tuple(parse_stored(text) for text in row.targets), tuple(row.attributes))
            for row in NodeAttribute.objects.filter(network_id=network_id)
        ),
        assertions=tuple(assertion_of(test_row(row)) for row in PolicyTest.objects.filter(network_id=network_id)),
    )


def policy_facts(network_id: int) -> Facts:
    """The whole policy as JSON, with the comments of groups, hosts and tags. Raises ValidationError as above."""
    comments = {
        "groups": dict(Group.objects.filter(network_id=network_id).values_list("name", "comment")),
        "hosts": dict(Host.objects.filter(network_id=network_id).values_list("name", "comment")),
        "tags": dict(TagOwner.objects.filter(network_id=network_id).values_list("tag", "comment")),
    }
    return facts_of(load_policy(network_id), comments)


def rule_value(rule: AclRule) -> Rule:
    """A stored rule as the engine takes it. Raises ValidationError."""
    return rule_of(
        {
            "id": rule.pk or 0,
            "position": rule.position,
            "name": rule.name,
            "comment": rule.comment,
            "action": rule.action,
            "sources": rule.sources,
            "destinations": rule.destinations,
            "protocols": rule.protocols,
            "ports": rule.ports,
            "schedule": schedule_row(rule),
            "conditions": rule.conditions,
            "enabled": rule.enabled,
        }
    )


def schedule_row(rule: AclRule) -> dict[str, Any] | None:
    """The schedule of a stored rule as one object: its window, and the instants it begins and ends at."""
    schedule = dict(rule.schedule)
    if rule.not_before is not None:
        schedule["not_before"] = format_instant(rule.not_before)
    if rule.expires_at is not None:
        schedule["expires_at"] = format_instant(rule.expires_at)
    return schedule or None


def test_row(row: PolicyTest) -> dict[str, Any]:
    """A stored assertion in the shape of ``acl.stored.assertion_facts``."""
    return {
        "source": row.source,
        "accept": row.accept,
        "deny": row.deny,
        "protocol": row.protocol,
        "posture": row.posture,
    }


__all__ = ["load_policy", "policy_facts", "policy_of_facts", "rule_value", "schedule_row", "test_row"]
