"""Reads of a network's policy, as the values that the engine takes."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib.auth import get_user_model

from acl.models import AclRule, Group, GroupMember, Host, TagOwner
from mesh.policy import (
    Action,
    Labels,
    Names,
    Policy,
    PortRange,
    Rule,
    SelectorKind,
    flatten_groups,
    parse_prefix,
    parse_stored,
)
from mesh.policy import Group as PolicyGroup
from mesh.policy import Host as PolicyHost
from mesh.policy import TagOwner as PolicyTagOwner
from nodes.models import Node, NodeTag


def load_policy(network_id: int) -> Policy:
    """A network's whole policy, in five queries. Raises ValidationError if what is stored cannot be read."""
    rules = AclRule.objects.filter(network_id=network_id).order_by("position")
    hosts = Host.objects.filter(network_id=network_id)
    tags = TagOwner.objects.filter(network_id=network_id)
    return Policy(
        rules=tuple(rule_value(rule) for rule in rules),
        groups=tuple(load_groups(network_id).values()),
        hosts=tuple(PolicyHost(host.name, parse_prefix(host.prefix)) for host in hosts),
        tag_owners=tuple(PolicyTagOwner(row.tag, tuple(parse_stored(owner) for owner in row.owners)) for row in tags),
    )


def rule_value(rule: AclRule) -> Rule:
    """A stored rule as the engine takes it."""
    return Rule(
        id=rule.pk or 0,
        position=rule.position,
        action=Action(rule.action),
        sources=tuple(parse_stored(text) for text in rule.sources),
        destinations=tuple(parse_stored(text) for text in rule.destinations),
        protocols=tuple(rule.protocols),
        ports=tuple(PortRange(first, last) for first, last in rule.ports),
        enabled=rule.enabled,
        name=rule.name,
        comment=rule.comment,
    )


def load_groups(network_id: int) -> dict[str, PolicyGroup]:
    """The groups of a network by bare name, in two queries."""
    users: dict[int, set[int]] = defaultdict(set)
    nested: dict[int, set[str]] = defaultdict(set)
    members = GroupMember.objects.filter(group__network_id=network_id)
    for group_id, user_id, subgroup in members.values_list("group_id", "user_id", "subgroup__name"):
        if user_id is not None:
            users[group_id].add(user_id)
        else:
            nested[group_id].add(subgroup)
    rows = Group.objects.filter(network_id=network_id).values_list("pk", "name")
    return {name: PolicyGroup(name, frozenset(users[pk]), frozenset(nested[pk])) for pk, name in rows}


def known_names(network_id: int) -> Names:
    """What exists in a network, for binding the selectors that people write."""
    declared = TagOwner.objects.filter(network_id=network_id).values_list("tag", flat=True)
    carried = NodeTag.objects.filter(node__network_id=network_id).values_list("tag", flat=True).distinct()
    return Names(
        users=dict(get_user_model().objects.values_list("username", "pk")),
        nodes=dict(Node.objects.filter(network_id=network_id).values_list("name", "pk")),
        groups=frozenset(Group.objects.filter(network_id=network_id).values_list("name", flat=True)),
        hosts=frozenset(Host.objects.filter(network_id=network_id).values_list("name", flat=True)),
        tags=frozenset(declared) | frozenset(carried.order_by()),
    )


def labels_for(stored: list[str]) -> Labels:
    """The names of the users and nodes that stored selectors speak of, in two queries at most."""
    selectors = [parse_stored(text) for text in stored]
    user_ids = {item.ident for item in selectors if item.kind is SelectorKind.USER}
    node_ids = {item.ident for item in selectors if item.kind is SelectorKind.NODE}
    users: dict[int, str] = {}
    nodes: dict[int, str] = {}
    if user_ids:
        users = dict(get_user_model().objects.filter(pk__in=user_ids).values_list("pk", "username"))
    if node_ids:
        nodes = dict(Node.objects.filter(pk__in=node_ids).values_list("pk", "name"))
    return Labels(users=users, nodes=nodes)


def is_named_by_policy(network_id: int, name: str) -> bool:
    """Whether the policy gives ``name`` a meaning of its own, so that no newcomer may slip into it."""
    return Host.objects.filter(network_id=network_id, name=name).exists()


def owns_tag(*, network_id: int, user_id: int, tag: str) -> bool:
    """Whether the policy's tag owners let a user give ``tag`` to machines."""
    row = TagOwner.objects.filter(network_id=network_id, tag=tag).first()
    if row is None:
        return False
    groups: dict[str, frozenset[int]] | None = None
    for owner in map(parse_stored, row.owners):
        if owner.kind is SelectorKind.USER and owner.ident == user_id:
            return True
        if owner.kind is SelectorKind.MEMBER:
            return True
        if owner.kind is SelectorKind.GROUP:
            groups = flatten_groups(load_groups(network_id)) if groups is None else groups
            if user_id in groups.get(owner.name, frozenset()):
                return True
    return False


def policy_facts(network_id: int) -> dict[str, Any]:
    """The whole policy as rows, for the change log: what a past map depended on."""
    return {
        "rules": list(
            AclRule.objects.filter(network_id=network_id)
            .order_by("position")
            .values("id", "position", "name", "action", "sources", "destinations", "protocols", "ports", "enabled")
        ),
        "groups": {
            group.name: {"users": sorted(group.users), "groups": sorted(group.groups)}
            for group in load_groups(network_id).values()
        },
        "hosts": dict(Host.objects.filter(network_id=network_id).values_list("name", "prefix")),
        "tags": dict(TagOwner.objects.filter(network_id=network_id).values_list("tag", "owners")),
    }
