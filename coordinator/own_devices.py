"""What people do with machines that belong to them, without any other right. Another person's machine is no machine."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from coordinator.lifecycle import delete_node, expire_node, rename_node
from mesh.change import Cause
from mesh.errors import ConflictError, HiddenError, NotFoundError
from nodes.changes import lock_node
from nodes.models import Node
from sessions_app.models import User


def own_devices(person: User) -> QuerySet[Node]:
    """A person's machines, by name, with what their pages show."""
    return Node.objects.filter(owner=person).select_related("network").prefetch_related("addresses").order_by("name")


def own_device(person: User, node_id: int) -> Node:
    """One of them. Raises NotFoundError, HiddenError for another person's."""
    node = own_devices(person).filter(pk=node_id).first()
    if node is None:
        refused = HiddenError if Node.objects.filter(pk=node_id).exists() else NotFoundError
        raise refused("There is no such device.")
    return node


@transaction.atomic
def rename_own_device(*, person: User, node_id: int, name: str, cause: Cause, now: datetime) -> Node:
    """Gives it another name. Raises as ``rename_node`` does, NotFoundError for another person's."""
    _demand(person, node_id)
    return rename_node(node_id=node_id, name=name, cause=cause, now=now)


@transaction.atomic
def expire_own_device(*, person: User, node_id: int, cause: Cause, now: datetime) -> Node:
    """Cuts it off until somebody logs it in again. Raises NotFoundError, ConflictError."""
    _demand(person, node_id)
    return expire_node(node_id=node_id, cause=cause, now=now)


@transaction.atomic
def delete_own_device(*, person: User, node_id: int, cause: Cause, now: datetime) -> None:
    """Removes it; its key never comes back by itself. Raises NotFoundError; ConflictError where an administrator
    disabled it, which nobody gets rid of by leaving, and where an enabled deny rule names it."""
    node = _demand(person, node_id)
    if node.state == Node.State.DISABLED:
        raise ConflictError(f"{node.name} was disabled by an administrator, who alone can delete it.")
    delete_node(node_id=node_id, cause=cause, now=now)


def _demand(person: User, node_id: int) -> Node:
    """The machine, locked with its network, if it belongs to the person now."""
    own_device(person, node_id)
    _, node = lock_node(node_id)
    if node.owner_id != person.pk:
        raise HiddenError("There is no such device.")
    return node
