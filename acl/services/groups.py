"""Groups of users and groups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth import get_user_model
from django.db import transaction

from acl.models import Group, GroupMember
from acl.services.policy import activate_policy, check_no_denial_names, check_version
from mesh.change import Cause
from mesh.errors import ConflictError, FieldError, NotFoundError, ValidationError
from mesh.policy import Selector, SelectorKind
from mesh.policy.selectors import is_name
from nodes.changes import lock_network


@transaction.atomic
def save_group(
    *,
    network_id: int,
    name: str,
    users: Sequence[int],
    subgroups: Sequence[int],
    cause: Cause,
    now: datetime,
    comment: str = "",
    group_id: int | None = None,
    forced: bool = False,
    expected_version: int | None = None,
) -> Group:
    """Creates a group, or with ``group_id`` makes an existing one so. ``name`` without ``group:``.

    Raises ValidationError (bad name, unknown members, a circle), ConflictError (name taken), NotFoundError.
    """
    network = lock_network(network_id)
    check_version(network=network, expected=expected_version)
    name = name.removeprefix("group:")
    group = Group(network=network)
    if group_id is not None:
        found = Group.objects.filter(network=network, pk=group_id).first()
        if found is None:
            raise NotFoundError(f"There is no group {group_id}.")
        group = found
        if group.name != name:
            # Rules name groups: a rename would silently move them to nobody.
            raise ConflictError("A group keeps its name: rules refer to it.")
    if not is_name(name):
        raise ValidationError("The group is refused.", errors=(FieldError("name", "Letters, digits and - _ . only."),))
    if Group.objects.filter(network=network, name=name).exclude(pk=group_id or 0).exists():
        raise ConflictError(f"There is a group {name} already.")
    errors = []
    known_users = set(get_user_model().objects.filter(pk__in=users).values_list("pk", flat=True))
    known_groups = set(Group.objects.filter(network=network, pk__in=subgroups).values_list("pk", flat=True))
    errors += [FieldError("users", f"There is no user {pk}.") for pk in users if pk not in known_users]
    errors += [FieldError("subgroups", f"There is no group {pk}.") for pk in subgroups if pk not in known_groups]
    if errors:
        raise ValidationError("The group is refused.", errors=tuple(errors))
    group.name, group.comment = name, comment
    group.save()
    group.members.all().delete()
    GroupMember.objects.bulk_create(
        [GroupMember(group=group, user_id=pk) for pk in sorted(known_users)]
        + [GroupMember(group=group, subgroup_id=pk) for pk in sorted(known_groups)]
    )
    activate_policy(network=network, cause=cause, now=now, forced=forced)
    return group


@transaction.atomic
def delete_group(
    *, group_id: int, cause: Cause, now: datetime, forced: bool = False, expected_version: int | None = None
) -> None:
    """Removes a group. Raises NotFoundError, ConflictError if an enabled deny rule names it, unless
    ``forced``, or for what ``activate_policy`` says."""
    group = Group.objects.filter(pk=group_id).first()
    if group is None:
        raise NotFoundError(f"There is no group {group_id}.")
    network = lock_network(group.network_id)
    check_version(network=network, expected=expected_version)
    overridden = check_no_denial_names(
        network=network,
        selector=Selector(SelectorKind.GROUP, name=group.name),
        what=f"group:{group.name}",
        forced=forced,
    )
    group.delete()
    activate_policy(network=network, cause=cause, now=now, forced=forced, overridden=overridden)
