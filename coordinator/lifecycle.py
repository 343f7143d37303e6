"""What happens to nodes after they joined: whatever also ends sessions, or must ask the policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from acl.selectors import is_named_by_policy
from acl.services.approvals import approve_routes
from acl.services.policy import check_no_denial_names
from coordinator.acknowledgements import ACKNOWLEDGED
from coordinator.authentication import check_node
from mesh.change import Cause, ChangeKind
from mesh.errors import ConflictError, FieldError, NotFoundError, ValidationError
from mesh.policy import Selector, SelectorKind
from mesh.tags import validate_tag
from nodes.changes import lock_network, lock_node, record_change
from nodes.facts import node_facts
from nodes.models import Network, Node, RetiredKey
from nodes.presence import presence_store
from nodes.services.addresses import fix_address
from nodes.services.names import check_name, reserve_name
from nodes.services.nodes import remove_node, write_tags
from nodes.services.routes import elect_primaries, prefixes_of
from sessions_app.models import NodeSession
from sessions_app.services.ended_rights import record_ended_right
from sessions_app.services.sessions import end_sessions

EPHEMERAL_REST: Final = timedelta(minutes=30)


@transaction.atomic
def delete_node(*, node_id: int, cause: Cause, now: datetime, forced: bool = False) -> None:
    """Removes a node: its session ends, peers drop it, address and name go into quarantine.

    Its key is refused until an administrator releases it. Raises NotFoundError, ConflictError if an enabled deny rule
    names the node, unless ``forced``, which is recorded.
    """
    network, node = lock_node(node_id)
    _remove(network, node, cause, now, retire_key=True, forced=forced)


@transaction.atomic
def unregister_node(*, node_id: int, cause: Cause, now: datetime) -> None:
    """Removes a node at its own wish; its key may come back as a newcomer.

    Raises NotFoundError; PermissionDeniedError if it was cut off meanwhile: it must not slip out of that by leaving;
    ConflictError if an enabled deny rule names the node.
    """
    network, node = lock_node(node_id)
    check_node(node, now)
    _remove(network, node, cause, now, retire_key=False)


@transaction.atomic
def disable_node(*, node_id: int, cause: Cause, now: datetime) -> Node:
    """Cuts a node off until it is enabled again; its address and name stay. Raises NotFoundError."""
    network, node = lock_node(node_id)
    if node.state != Node.State.DISABLED:
        _set_state(network, node, Node.State.DISABLED, cause, now)
    return node


@transaction.atomic
def enable_node(*, node_id: int, cause: Cause, now: datetime) -> Node:
    """Lets a disabled node take part again. Raises NotFoundError, ConflictError if it is not disabled."""
    network, node = lock_node(node_id)
    if node.state != Node.State.DISABLED:
        raise ConflictError(f"{node.name} is not disabled.")
    is_expired = node.key_expires_at is not None and node.key_expires_at <= now
    _set_state(network, node, Node.State.EXPIRED if is_expired else Node.State.ACTIVE, cause, now)
    return node


@transaction.atomic
def expire_node(*, node_id: int, cause: Cause, now: datetime) -> Node:
    """Ends a node's key now: its owner must log in again.

    Raises NotFoundError; ConflictError if it is disabled or waits for approval, which a login must not replace.
    """
    network, node = lock_node(node_id)
    if node.state in (Node.State.DISABLED, Node.State.PENDING):
        raise ConflictError(f"{node.name} is {node.get_state_display().lower()}.")
    if node.state != Node.State.EXPIRED:
        node.key_expires_at = now
        node.save(update_fields=["key_expires_at"])
        _set_state(network, node, Node.State.EXPIRED, cause, now)
    return node


def expire_nodes(*, network_id: int, now: datetime, limit: int = 1000) -> int:
    """Expires the active nodes whose key's time is over, as one change; returns how many."""
    due = Node.objects.filter(network_id=network_id, state=Node.State.ACTIVE, key_expires_at__lte=now)
    # Most of the time there is nothing to do, and nobody should wait for the lock of the network meanwhile.
    return _expire(network_id, due, now, limit) if due.exists() else 0


@transaction.atomic
def _expire(network_id: int, due: QuerySet[Node], now: datetime, limit: int) -> int:
    network = lock_network(network_id)
    node_ids = list(due.values_list("pk", flat=True)[:limit])
    if node_ids:
        Node.objects.filter(pk__in=node_ids).update(state=Node.State.EXPIRED, online=False)
        end_sessions(node_ids=node_ids, reason=NodeSession.End.EXPIRED, now=now)
        moved = elect_primaries(network=network, prefixes=prefixes_of(node_ids))
        _record(network, {*node_ids, *moved}, Cause.system("expiry"), now)
    return len(node_ids)


def remove_ephemeral_nodes(*, now: datetime, limit: int = 1000) -> int:
    """Removes ephemeral nodes that have been offline for half an hour; returns how many. Their keys may come back.

    A node that an enabled deny rule names stays.
    """
    silent = Q(last_seen__lte=now - EPHEMERAL_REST) | Q(last_seen=None, created_at__lte=now - EPHEMERAL_REST)
    due = Node.objects.filter(silent, ephemeral=True, online=False).order_by("pk")
    return sum(_remove_if_due(due, node_id, now) for node_id in list(due.values_list("pk", flat=True)[:limit]))


@transaction.atomic
def _remove_if_due(due: QuerySet[Node], node_id: int, now: datetime) -> bool:
    try:
        network, node = lock_node(node_id)
        # Looked up before the lock was held: the node may have come back meanwhile.
        if not due.filter(pk=node_id).exists():
            return False
        _remove(network, node, Cause.system("ephemeral"), now, retire_key=False)
    except (NotFoundError, ConflictError):  # another worker was faster, or the policy needs the node
        return False
    return True


@transaction.atomic
def rename_node(*, node_id: int, name: str, cause: Cause, now: datetime) -> Node:
    """Gives a node another name; the former one goes into quarantine.

    Raises NotFoundError, ValidationError, and ConflictError if the name is taken, reserved or named by the policy.
    """
    network, node = lock_node(node_id)
    label = check_name(
        network=network,
        name=name,
        is_named_by_policy=lambda candidate: is_named_by_policy(network.pk, candidate),
        now=now,
        node_id=node.pk,
    )
    if label != node.name:
        reserve_name(network=network, name=node.name, now=now, held_for=node)
        node.name = label
        node.save(update_fields=["name"])
        _record(network, [node.pk], cause, now)
    return node


@transaction.atomic
def set_tags(*, node_id: int, tags: Sequence[str], cause: Cause, now: datetime) -> Node:
    """Gives a node these tags. One that had an owner belongs to its tags from now on: its session ends.

    Raises NotFoundError, ValidationError for what is no tag or an empty list: a node cannot belong to nobody.
    """
    network, node = lock_node(node_id)
    errors, normal = [], []
    for index, tag in enumerate(tags):
        try:
            normal.append(validate_tag(tag))
        except ValidationError as error:
            errors.append(FieldError(f"tags.{index}", error.detail))
    if not tags:
        errors.append(FieldError("tags", "A node that belongs to tags keeps at least one."))
    if errors:
        raise ValidationError("The tags are refused.", errors=tuple(errors))
    if node.tagged and {row.tag for row in node.tags.all()} == set(normal):
        return node
    moved: set[int] = set()
    if not node.tagged:
        # Another principal from here on: whoever holds the old session must not keep it.
        node.owner, node.tagged, node.key_expires_at, node.login_required = None, True, None, True
        node.online = False
        node.save(update_fields=["owner", "tagged", "key_expires_at", "login_required", "online"])
        end_sessions(node_ids=[node.pk], reason=NodeSession.End.REVOKED, now=now)
        moved = elect_primaries(network=network, prefixes=prefixes_of([node.pk]))
    write_tags(node=node, tags=normal)
    moved |= approve_routes(network=network, node_ids=[node.pk], now=now)
    _record(network, {node.pk, *moved}, cause, now)
    return node


@transaction.atomic
def set_fixed_address(*, node_id: int, address: str, cause: Cause, now: datetime) -> Node:
    """Gives a node an address that an administrator chose. Raises NotFoundError, ValidationError, ConflictError."""
    network, node = lock_node(node_id)
    fix_address(network=network, node=node, address=address, now=now)
    _record(network, [node.pk], cause, now)
    return node


@transaction.atomic
def release_key(*, retired_key_id: int, cause: Cause, now: datetime) -> None:
    """Lets a retired public key be used again, which is a change of its network. Raises NotFoundError."""
    network_id = RetiredKey.objects.filter(pk=retired_key_id).values_list("network_id", flat=True).first()
    if network_id is not None:
        lock_network(network_id)
    # Looked up before the lock was held: another call may have released it meanwhile.
    key = RetiredKey.objects.filter(pk=retired_key_id).first()
    if network_id is None or key is None:
        raise NotFoundError(f"There is no retired key {retired_key_id}.")
    said = {"public_key": key.public_key, "node": key.node_id_was, "name": key.node_name_was}
    key.delete()
    record_ended_right(network_id=network_id, facts={"released_keys": [said]}, cause=cause, now=now)


def _remove(
    network: Network, node: Node, cause: Cause, now: datetime, *, retire_key: bool, forced: bool = False
) -> None:
    # A denied machine that could make itself another node would be rid of the denial.
    selector = Selector(SelectorKind.NODE, ident=node.pk)
    overridden = check_no_denial_names(network=network, selector=selector, what=node.name, forced=forced)
    node_id, name = node.pk, node.name
    moved = remove_node(network=network, node=node, retire_key=retire_key, now=now)
    facts = node_facts(network.pk, moved, removed=[node_id]) | {"name": name}
    if overridden:
        facts["forced"] = list(overridden)
    record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)
    # Robust: the node is gone, whether or not the stores answer.
    transaction.on_commit(partial(_forget_presence, node_id), robust=True)


def remove_nodes(*, network: Network, nodes: Sequence[Node], cause: Cause, now: datetime, forced: bool = False) -> None:
    """Removes nodes of a locked network as ``delete_node`` does each; their keys are retired.

    Raises ConflictError if an enabled deny rule names one of them, unless ``forced``.
    """
    for node in nodes:
        _remove(network, node, cause, now, retire_key=True, forced=forced)


def _forget_presence(node_id: int) -> None:
    presence_store().forget([node_id])
    ACKNOWLEDGED.forget([node_id])


def _set_state(network: Network, node: Node, state: Node.State, cause: Cause, now: datetime) -> None:
    node.state = state
    if state != Node.State.ACTIVE:
        node.online = False
        reason = NodeSession.End.EXPIRED if state == Node.State.EXPIRED else NodeSession.End.REVOKED
        end_sessions(node_ids=[node.pk], reason=reason, now=now)
    node.save(update_fields=["state", "online"])
    moved = elect_primaries(network=network, prefixes=prefixes_of([node.pk]))
    _record(network, {node.pk, *moved}, cause, now)


def _record(network: Network, node_ids: Iterable[int], cause: Cause, now: datetime) -> None:
    facts = node_facts(network.pk, node_ids)
    record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)
