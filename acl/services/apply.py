"""Puts a whole policy into the rows of a network: what an import or a return to an earlier version does.

Rows that stay keep their ids, so that links and histories of rules survive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth import get_user_model

from acl.models import AutoApprover, Group, GroupMember, Host, NodeAttribute, PolicyTest, TagOwner
from acl.selectors import load_groups
from acl.services.apply_rules import apply_rules
from acl.stored import assertion_facts
from mesh.errors import ConflictError
from mesh.policy import Group as PolicyGroup
from mesh.policy import Policy, Selector, format_stored
from mesh.policy.selectors import format_prefix
from nodes.models import Network, Node

Comments = Mapping[str, Mapping[str, str]]


def apply_policy(*, network: Network, policy: Policy, comments: Comments | None = None) -> None:
    """Makes the rows of a locked network say what ``policy`` says; the caller activates them.

    ``policy`` is checked already. ``comments`` of groups, hosts and tags by kind and name; those of a kind that is
    not given stay as they are. Members of groups that exist no more are left out. Raises ConflictError for a host that
    is named like a node.
    """
    _apply_groups(network, policy.groups, comments)
    _apply_hosts(network, policy, comments)
    _apply_tags(network, policy, comments)
    _apply_approvers(network, policy)
    _replace(NodeAttribute, network, [_attribute(item.targets, item.attributes) for item in policy.node_attributes])
    _replace(PolicyTest, network, [assertion_facts(item) for item in policy.assertions])
    apply_rules(network=network, rules=policy.ordered())


def _apply_groups(network: Network, groups: Iterable[PolicyGroup], comments: Comments | None) -> None:
    wanted = {group.name: group for group in groups}
    present = load_groups(network.pk)
    Group.objects.filter(network=network).exclude(name__in=wanted).delete()
    Group.objects.bulk_create(
        [Group(network=network, name=name) for name in wanted if name not in present], batch_size=500
    )
    rows = {row.name: row for row in Group.objects.filter(network=network)}
    _write_comments(rows, comments, "groups")
    changed = [group for name, group in wanted.items() if present.get(name) != group]
    known = set(
        get_user_model()
        .objects.filter(pk__in={pk for group in changed for pk in group.users})
        .values_list("pk", flat=True)
    )
    GroupMember.objects.filter(group__in=[rows[group.name] for group in changed]).delete()
    members = [
        *(GroupMember(group=rows[group.name], user_id=pk) for group in changed for pk in sorted(group.users & known)),
        *(
            GroupMember(group=rows[group.name], subgroup=rows[name])
            for group in changed
            for name in sorted(group.groups)
            if name in rows
        ),
    ]
    GroupMember.objects.bulk_create(members, batch_size=500)


def _apply_hosts(network: Network, policy: Policy, comments: Comments | None) -> None:
    wanted = {host.name: format_prefix(host.prefix) for host in policy.hosts}
    clash = Node.objects.filter(network=network, name__in=wanted).values_list("name", flat=True).first()
    if clash is not None:
        raise ConflictError(f"The host {clash} has the name of a node.")
    Host.objects.filter(network=network).exclude(name__in=wanted).delete()
    rows = {row.name: row for row in Host.objects.filter(network=network)}
    for name, prefix in wanted.items():
        row = rows.setdefault(name, Host(network=network, name=name))
        if row.prefix != prefix:
            row.prefix = prefix
            row.save()
    _write_comments(rows, comments, "hosts")


def _apply_tags(network: Network, policy: Policy, comments: Comments | None) -> None:
    wanted = {row.tag: _texts(row.owners) for row in policy.tag_owners}
    TagOwner.objects.filter(network=network).exclude(tag__in=wanted).delete()
    rows = {row.tag: row for row in TagOwner.objects.filter(network=network)}
    for tag, owners in wanted.items():
        row = rows.setdefault(tag, TagOwner(network=network, tag=tag, owners=owners))
        if row.pk is None or row.owners != owners:
            row.owners = owners
            row.save()
    _write_comments(rows, comments, "tags")


def _apply_approvers(network: Network, policy: Policy) -> None:
    wanted = {str(item.prefix): _texts(item.approvers) for item in policy.route_approvers}
    if policy.exit_approvers:
        wanted[""] = _texts(policy.exit_approvers)
    present = dict(AutoApprover.objects.filter(network=network).values_list("prefix", "approvers"))
    if wanted != present:
        AutoApprover.objects.filter(network=network).delete()
        AutoApprover.objects.bulk_create(
            [AutoApprover(network=network, prefix=prefix, approvers=texts) for prefix, texts in wanted.items()]
        )


def _attribute(targets: Iterable[Selector], attributes: Iterable[str]) -> dict[str, Any]:
    return {"targets": _texts(targets), "attributes": list(attributes)}


def _replace(model: type[NodeAttribute] | type[PolicyTest], network: Network, wanted: list[dict[str, Any]]) -> None:
    """Makes a numbered list exactly ``wanted``; nothing else names its rows."""
    names = list(wanted[0]) if wanted else []
    present = list(model.objects.filter(network=network).order_by("position").values(*names)) if names else None
    if present == wanted:
        return
    model.objects.filter(network=network).delete()
    for position, fields in enumerate(wanted, start=1):
        model.objects.create(network=network, position=position, **fields)


def _write_comments(rows: Mapping[str, Any], comments: Comments | None, kind: str) -> None:
    if comments is None or kind not in comments:
        return
    for name, row in rows.items():
        comment = comments[kind].get(name, "")
        if row.comment != comment:
            row.comment = comment
            row.save(update_fields=["comment"])


def _texts(selectors: Iterable[Selector]) -> list[str]:
    return [format_stored(item) for item in selectors]
