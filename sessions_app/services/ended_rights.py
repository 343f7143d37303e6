"""Writes to the change log that a right ended which no map shows: of a key, a token, a password.

An auth key belongs to one network, and its end is a change of that network. People belong to none: what ends of theirs
is a change of each network in which they could have used it. For whoever has a role that is every network, since roles
hold in all of them; for a member those with nodes or auth keys of theirs. Who has neither could use it nowhere yet:
then every network keeps the record, as it does when a person is made, so that the log never loses it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q

from mesh.change import Cause, ChangeKind
from nodes.changes import lock_network, record_change
from nodes.models import Network, Node
from sessions_app.models import AuthKey, User


def networks_concerned_by(user: User) -> list[int]:
    """Ids of the networks in which something of a person's could have been used, in the order of locks."""
    everywhere = list(Network.objects.order_by("pk").values_list("pk", flat=True))
    if user.role != User.Role.MEMBER:
        return everywhere
    nodes = Node.objects.filter(owner=user).order_by().values_list("network_id", flat=True)
    keys = AuthKey.objects.filter(Q(owner=user) | Q(created_by=user)).order_by().values_list("network_id", flat=True)
    return sorted({*nodes, *keys}) or everywhere


def record_ended_right_of(*, user: User, facts: dict[str, Any], cause: Cause, now: datetime) -> int:
    """Records ``facts`` in the networks that ``user`` concerns, within the caller's transaction; returns how many."""
    network_ids = networks_concerned_by(user)
    for network_id in network_ids:
        record_ended_right(network_id=network_id, facts=facts, cause=cause, now=now)
    return len(network_ids)


def record_ended_right(*, network_id: int, facts: dict[str, Any], cause: Cause, now: datetime) -> int:
    """Records ``facts`` in one network and returns its new map version. Raises NotFoundError."""
    network = lock_network(network_id)
    return record_change(network=network, kind=ChangeKind.CREDENTIALS, facts=facts, cause=cause, now=now)
