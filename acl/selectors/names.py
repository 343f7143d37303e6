"""The names that a policy gives and needs: groups, hosts, tags, users and nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model

from acl.models import Group, GroupMember, Host, TagOwner
from mesh.policy import Group as PolicyGroup
from mesh.policy import Labels, Names, SelectorKind, flatten_groups, parse_stored
from nodes.models import Node, NodeTag


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
    return Names(
        users=dict(get_user_model().objects.values_list("username", "pk")),
        nodes=dict(Node.objects.filter(network_id=network_id).values_list("name", "pk")),
        groups=frozenset(Group.objects.filter(network_id=network_id).values_list("name", flat=True)),
        hosts=frozenset(Host.objects.filter(network_id=network_id).values_list("name", flat=True)),
        tags=frozenset(declared) | carried_tags(network_id),
    )


def carried_tags(network_id: int) -> frozenset[str]:
    """The tags that nodes of a network carry."""
    carried = NodeTag.objects.filter(node__network_id=network_id).order_by()
    return frozenset(carried.values_list("tag", flat=True).distinct())


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


def labels_in(*facts: Mapping[str, Any]) -> Labels:
    """The names of the users and nodes that whole policies speak of, as ``acl.stored`` writes them: of no others, for
    there may be very many nodes."""
    texts: set[str] = set()
    users: set[int] = set()
    for policy in facts:
        for rule in policy["rules"]:
            texts.update(rule["sources"], rule["destinations"])
        for owners in (*policy["tags"].values(), *policy["approvers"].values(), policy["exit_approvers"]):
            texts.update(owners)
        for item in policy["attributes"]:
            texts.update(item["targets"])
        for item in policy["tests"]:
            texts.add(item["source"])
            texts.update(target["destination"] for target in (*item["accept"], *item["deny"]))
        for group in policy["groups"].values():
            users.update(group["users"])
    return labels_for([*texts, *(f"user#{pk}" for pk in users)])


def labels_of(network_id: int) -> Labels:
    """The names of all users, and of all nodes of a network: for showing a whole policy."""
    return Labels(
        users=dict(get_user_model().objects.values_list("pk", "username")),
        nodes=dict(Node.objects.filter(network_id=network_id).values_list("pk", "name")),
    )


def is_named_by_policy(network_id: int, name: str) -> bool:
    """Whether the policy gives ``name`` a meaning of its own, so that no newcomer may slip into it."""
    return Host.objects.filter(network_id=network_id, name=name).exists()


def policy_names_beginning(network_id: int, beginning: str) -> list[str]:
    """The names with this beginning that ``is_named_by_policy``, in one query."""
    hosts = Host.objects.filter(network_id=network_id, name__startswith=beginning)
    return list(hosts.order_by().values_list("name", flat=True))


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
