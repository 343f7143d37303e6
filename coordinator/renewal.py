"""The way back for a node that is known: a proof of its key gives a new session token, without an auth key."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from coordinator.authentication import check_node
from coordinator.challenges import Proof, record_proof
from coordinator.registration import REFUSED
from mesh.change import Cause
from mesh.errors import AuthenticationError, NotFoundError
from nodes.changes import lock_node
from nodes.models import Node
from sessions_app.services.sessions import IssuedSession, renew_session


@transaction.atomic
def renew_node_session(*, proof: Proof, origin: str, request_id: str, now: datetime, random32: bytes) -> IssuedSession:
    """A token for the node whose key was proved, if it is approved, enabled, unexpired and need not log in again.

    ``random32``: 32 random bytes. Raises AuthenticationError, always in the same words, for a proof that was used
    before, a key that no node has and a node that must log in again; PermissionDeniedError for a node that is cut off.
    """
    try:
        record_proof(proof)
        node_id = Node.objects.filter(public_key=proof.public_key).values_list("pk", flat=True).first()
        if node_id is None:
            raise AuthenticationError(REFUSED)
        network, node = lock_node(node_id)
    except (AuthenticationError, NotFoundError) as error:
        raise AuthenticationError(REFUSED) from error
    check_node(node, now)
    if node.login_required:
        raise AuthenticationError(REFUSED)
    cause = Cause.node(node.pk, origin=origin, request_id=request_id)
    return renew_session(network=network, node=node, origin=origin, cause=cause, now=now, random32=random32)
