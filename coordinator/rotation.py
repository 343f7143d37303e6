"""A node's new WireGuard key: it keeps id, name, addresses and session; its peers get the key in one delta."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from coordinator.challenges import Proof, check_proof, record_proof
from coordinator.registration import REFUSED
from mesh.change import Cause, ChangeKind
from mesh.errors import AuthenticationError, ConflictError, PermissionDeniedError
from mesh.keys import Purpose
from nodes.changes import lock_network, lock_node, record_change
from nodes.facts import node_facts
from nodes.models import Network, Node, RetiredKey

REQUESTS_A_SECOND: Final = 20
REQUESTS_A_CHANGE: Final = 200


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation led to. ``key_expires_at`` is the owner's deadline, which a rotation does not move."""

    public_key: str
    key_expires_at: datetime | None
    map_version: int


def check_rotation_proof(*, node: Node, header: str, public_key: str, body: bytes, now: datetime) -> Proof:
    """Checks that the caller holds both the new key and the one that the node has.

    A call that is repeated because its answer was lost proves the new key and the one that it replaced. Every failure
    is the same AuthenticationError.
    """
    current = node.public_key if public_key != node.public_key else _replaced_key(node)
    try:
        return check_proof(
            header=header, purpose=Purpose.ROTATE, public_key=public_key, body=body, now=now, current_public=current
        )
    except AuthenticationError as error:
        raise AuthenticationError(REFUSED) from error


@transaction.atomic
def rotate_key(*, node: Node, proof: Proof, cause: Cause, now: datetime) -> Rotation:
    """Gives the node the key that was proved; the one before is retired. Repeated, it changes nothing.

    ``node`` is as it was when the proof was checked. Raises AuthenticationError for a proof that was used before,
    ConflictError if the node got another key meanwhile or the key is another node's, PermissionDeniedError for a
    retired key, NotFoundError if the node is gone.
    """
    try:
        record_proof(proof)
    except AuthenticationError as error:
        raise AuthenticationError(REFUSED) from error
    network, current = lock_node(node.pk)
    if current.public_key == proof.public_key:
        return Rotation(current.public_key, current.key_expires_at, network.map_version)
    if current.public_key != node.public_key:
        raise ConflictError("The node got another key meanwhile.")
    if RetiredKey.objects.filter(public_key=proof.public_key).exists():
        raise PermissionDeniedError("This key was retired. An administrator can release it.")
    if Node.objects.filter(public_key=proof.public_key).exists():
        raise ConflictError("Another node has this key.")
    RetiredKey.objects.create(
        public_key=current.public_key,
        network=network,
        node_id_was=current.pk,
        node_name_was=current.name,
        reason=RetiredKey.Reason.ROTATED,
    )
    current.public_key, current.key_created_at, current.rotate_requested_at = proof.public_key, now, None
    current.save(update_fields=["public_key", "key_created_at", "rotate_requested_at"])
    facts = node_facts(network.pk, [current.pk])
    version = record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)
    return Rotation(current.public_key, current.key_expires_at, version)


@transaction.atomic
def request_rotation(*, node_id: int, cause: Cause, now: datetime) -> Node:
    """Tells a node to make a new key now. One that was told already is told no second time.

    Raises NotFoundError; ConflictError for a node that takes no part in the mesh, and so hears of nothing.
    """
    network, node = lock_node(node_id)
    if node.state != Node.State.ACTIVE:
        raise ConflictError(f"{node.name} is {node.get_state_display().lower()}.")
    if node.rotate_requested_at is None or node.rotate_requested_at > now:
        _request(network, {node.pk: now}, cause, now)
        node.refresh_from_db()
    return node


@transaction.atomic
def request_rotations(*, network_id: int, cause: Cause, now: datetime) -> int:
    """Tells all active nodes of a network to make new keys, one after the other; returns how many were told now.

    Each new key is news for all peers of its node: so the nodes are given instants of their own, ``REQUESTS_A_SECOND``
    of them in a second. Nodes that were told before are left at that. Raises NotFoundError.
    """
    network = lock_network(network_id)
    told = Node.objects.filter(network=network, state=Node.State.ACTIVE, rotate_requested_at=None).order_by("pk")
    node_ids = list(told.values_list("pk", flat=True))
    second = timedelta(seconds=1)
    at = [(node_id, now + second * (index // REQUESTS_A_SECOND)) for index, node_id in enumerate(node_ids)]
    for first in range(0, len(at), REQUESTS_A_CHANGE):
        _request(network, dict(at[first : first + REQUESTS_A_CHANGE]), cause, now)
    return len(node_ids)


def _request(network: Network, at: Mapping[int, datetime], cause: Cause, now: datetime) -> None:
    rows = [Node(pk=node_id, rotate_requested_at=instant) for node_id, instant in at.items()]
    Node.objects.bulk_update(rows, ["rotate_requested_at"])
    facts = node_facts(network.pk, list(at))
    record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)


def _replaced_key(node: Node) -> str:
    """The key before the node's present one. Raises AuthenticationError if there was none."""
    replaced = (
        RetiredKey.objects.filter(node_id_was=node.pk, reason=RetiredKey.Reason.ROTATED)
        .order_by("-created_at", "-pk")
        .values_list("public_key", flat=True)
        .first()
    )
    if replaced is None:
        raise AuthenticationError(REFUSED)
    return replaced
