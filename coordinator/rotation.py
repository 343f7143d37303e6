"""A node's new WireGuard key: it keeps id, name, addresses and session; its peers get the key in one delta."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from coordinator.challenges import Proof, check_proof, record_proof
from coordinator.registration import REFUSED
from mesh.change import Cause, ChangeKind
from mesh.errors import AuthenticationError, ConflictError, PermissionDeniedError
from mesh.keys import Purpose
from nodes.changes import lock_node, record_change
from nodes.facts import node_facts
from nodes.models import Node, RetiredKey


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
    current.public_key = proof.public_key
    current.save(update_fields=["public_key"])
    facts = node_facts(network.pk, [current.pk])
    version = record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)
    return Rotation(current.public_key, current.key_expires_at, version)


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
