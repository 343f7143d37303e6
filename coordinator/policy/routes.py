"""Routes that nodes advertise, approved at once where the policy says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from acl.services.approvals import approve_routes
from mesh.change import Cause
from nodes.services.routes import replace_routes


def put_routes(*, node_id: int, prefixes: Sequence[str], cause: Cause, now: datetime) -> list[str]:
    """Sets the routes that a node advertises, approves those that the policy approves, and returns them in normal form.

    Raises ValidationError, NotFoundError.
    """
    return replace_routes(
        node_id=node_id,
        prefixes=prefixes,
        cause=cause,
        now=now,
        approve=lambda network, node: approve_routes(network=network, node_ids=[node.pk], now=now),
    )
