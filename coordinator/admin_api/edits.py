"""Edits of a part of something: what is not given stays as it is, and all of an edit happens or nothing.

Each is one transaction over the services that own the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from django.db import transaction

from acl.models import Group, Host, TagOwner
from acl.selectors import known_names, labels_for
from acl.services.groups import save_group
from acl.services.hosts import save_host
from acl.services.tags import save_tag
from coordinator.lifecycle import rename_node, set_fixed_address, set_tags
from coordinator.ownership import give_node
from coordinator.people import delete_user, disable_user
from mesh.change import Cause
from mesh.errors import FieldError, NotFoundError, PermissionDeniedError, ValidationError
from mesh.policy import format_selector, parse_selector, parse_stored
from nodes.changes import lock_network
from nodes.models import DnsRecord, RelayRegion
from nodes.services.dns import save_record
from nodes.services.relays import save_region
from sessions_app.models import User
from sessions_app.roles import allows
from sessions_app.services.users import create_user, get_user, set_password, set_user_active, update_user


@transaction.atomic
def edit_node(*, node_id: int, changes: Mapping[str, Any], cause: Cause, now: datetime) -> None:
    """Changes ``name``, ``user``, ``tags``, ``ipv4`` and ``ipv6`` of a node, as far as they are given.

    Raises NotFoundError, ConflictError, and ValidationError with the member at fault.
    """
    if {"user", "tags"} <= changes.keys():
        message = "A node belongs to a user or to tags."
        raise ValidationError(message, errors=(FieldError("user", message),))
    if "user" in changes:
        # People are locked before networks: before any other edit.
        give_node(node_id=node_id, owner_id=changes["user"], cause=cause, now=now)
    if "name" in changes:
        with _member("name"):
            rename_node(node_id=node_id, name=changes["name"], cause=cause, now=now)
    if "tags" in changes:
        set_tags(node_id=node_id, tags=changes["tags"], cause=cause, now=now)
    for family in ("ipv4", "ipv6"):
        if family in changes:
            with _member(family):
                set_fixed_address(node_id=node_id, address=changes[family], cause=cause, now=now)


@transaction.atomic
def add_user(*, actor: User, fields: Mapping[str, Any], cause: Cause, now: datetime) -> User:
    """Creates a person. Owners are made by owners alone: raises PermissionDeniedError, and as ``create_user`` does."""
    if fields.get("role") == User.Role.OWNER:
        _check_owner(actor)
    given = dict(fields)
    picture_url = given.pop("picture_url", "")
    user = create_user(cause=cause, now=now, **given)
    if picture_url:
        user = update_user(user_id=user.pk, picture_url=picture_url, cause=cause, now=now)
    return user


@transaction.atomic
def edit_user(*, actor: User, user_id: int, changes: Mapping[str, Any], cause: Cause, now: datetime) -> User:
    """Changes role, display name, e-mail, picture and password of a person, as far as they are given.

    Raises NotFoundError, ValidationError, ConflictError for the last owner, and PermissionDeniedError: owners are
    changed by owners alone, and so is who becomes one.
    """
    user = get_user(user_id)
    if User.Role.OWNER in (user.role, changes.get("role")):
        _check_owner(actor)
    rest = dict(changes)
    password = rest.pop("password", None)
    if password is not None:
        set_password(user_id=user_id, password=password, cause=cause, now=now)
    return update_user(user_id=user_id, cause=cause, now=now, **rest) if rest else get_user(user_id)


@transaction.atomic
def enable_user(*, actor: User, user_id: int, cause: Cause, now: datetime) -> User:
    """Enables a person again. Raises as ``edit_user`` does."""
    _check_may_manage(actor, user_id)
    return set_user_active(user_id=user_id, active=True, cause=cause, now=now)


@transaction.atomic
def shut_out_user(*, actor: User, user_id: int, **options: Any) -> User:
    """Disables a person. ``options`` and errors are those of ``disable_user``, and PermissionDeniedError."""
    _check_may_manage(actor, user_id)
    return disable_user(user_id=user_id, **options)


@transaction.atomic
def remove_user(*, actor: User, user_id: int, **options: Any) -> None:
    """Deletes a person. ``options`` and errors are those of ``delete_user``, and PermissionDeniedError."""
    _check_may_manage(actor, user_id)
    delete_user(user_id=user_id, **options)


@transaction.atomic
def edit_group(*, network_id: int, group_id: int, changes: Mapping[str, Any], **options: Any) -> Group:
    """Changes members and comment of a group, as far as they are given.

    ``options`` and errors are those of ``save_group``.
    """
    lock_network(network_id)
    row = Group.objects.filter(network_id=network_id, pk=group_id).first()
    if row is None:
        raise NotFoundError(f"There is no group {group_id}.")
    present: dict[str, Any] = {"name": row.name, "comment": row.comment}
    for member, column in (("users", "user_id"), ("subgroups", "subgroup_id")):
        present[member] = list(row.members.exclude(**{column: None}).values_list(column, flat=True))
    return save_group(network_id=network_id, group_id=group_id, **(present | dict(changes)), **options)


@transaction.atomic
def edit_host(*, network_id: int, host_id: int, changes: Mapping[str, Any], **options: Any) -> Host:
    """Changes prefix and comment of a named host, as far as they are given.

    ``options`` and errors are those of ``save_host``.
    """
    lock_network(network_id)
    row = Host.objects.filter(network_id=network_id, pk=host_id).first()
    if row is None:
        raise NotFoundError(f"There is no host {host_id}.")
    present = {"name": row.name, "prefix": row.prefix, "comment": row.comment}
    return save_host(network_id=network_id, host_id=host_id, **(present | dict(changes)), **options)


@transaction.atomic
def edit_tag(*, network_id: int, tag_id: int, changes: Mapping[str, Any], **options: Any) -> TagOwner:
    """Changes owners and comment of a tag, as far as they are given.

    ``options`` and errors are those of ``save_tag``.
    """
    lock_network(network_id)
    row = TagOwner.objects.filter(network_id=network_id, pk=tag_id).first()
    if row is None:
        raise NotFoundError(f"There is no tag {tag_id}.")
    present: dict[str, Any] = {"tag": row.tag, "owners": _present_owners(row), "comment": row.comment}
    return save_tag(network_id=network_id, tag_owner_id=tag_id, **(present | dict(changes)), **options)


@transaction.atomic
def edit_region(
    *, network_id: int, region_id: int, changes: Mapping[str, Any], cause: Cause, now: datetime
) -> RelayRegion:
    """Changes number, code and name of a relay region, as far as they are given. Raises as ``save_region`` does."""
    lock_network(network_id)
    row = RelayRegion.objects.filter(network_id=network_id, pk=region_id).first()
    if row is None:
        raise NotFoundError(f"There is no relay region {region_id}.")
    present: dict[str, Any] = {"number": row.number, "code": row.code, "name": row.name}
    return save_region(network_id=network_id, region_id=region_id, cause=cause, now=now, **(present | dict(changes)))


@transaction.atomic
def edit_record(
    *, network_id: int, record_id: int, changes: Mapping[str, Any], cause: Cause, now: datetime
) -> DnsRecord:
    """Changes name, type and value of a DNS record, as far as they are given. Raises as ``save_record`` does."""
    lock_network(network_id)
    row = DnsRecord.objects.filter(network_id=network_id, pk=record_id).first()
    if row is None:
        raise NotFoundError(f"There is no DNS record {record_id}.")
    present = {"name": row.name, "type": row.type, "value": row.value}
    return save_record(network_id=network_id, record_id=record_id, cause=cause, now=now, **(present | dict(changes)))


def _present_owners(row: TagOwner) -> list[str]:
    """The owners of a tag as people write them. Those that have vanished own nothing, and are left out."""
    names, labels = known_names(row.network_id), labels_for(row.owners)
    present = []
    for owner in row.owners:
        written = format_selector(parse_stored(owner), labels)
        with suppress(ValidationError):
            parse_selector(written, names)
            present.append(written)
    return present


def _check_may_manage(actor: User, user_id: int) -> None:
    if get_user(user_id).role == User.Role.OWNER:
        _check_owner(actor)


def _check_owner(actor: User) -> None:
    if not allows(actor, "owners.manage"):
        raise PermissionDeniedError("Only owners manage owners.")


@contextmanager
def _member(name: str) -> Iterator[None]:
    """Puts the name of a member on a ValidationError that a service raised without one."""
    try:
        yield
    except ValidationError as error:
        if error.errors:
            raise
        raise ValidationError(error.detail, errors=(FieldError(name, error.detail),)) from error
