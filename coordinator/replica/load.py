"""Reads a network whole from the database, as it was at one instant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import get_user_model
from django.db import connection, transaction

from acl.selectors import load_policy, policy_clock
from coordinator.sharing import Sharing
from coordinator.stamps import Stamp, stamp_at
from mesh.compile.table import Table
from mesh.errors import GhostWireError
from mesh.policy import Policy
from mesh.topology import Topology, UserRecord
from nodes.selectors import load_network_record, load_node_records
from sessions_app.services.sessions import active_sessions


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a replica begins with. ``policy`` is the error where what is stored cannot be read; ``stamp`` None where
    no change stands behind the version yet."""

    topology: Topology
    policy: Policy | GhostWireError
    at: datetime
    stamp: Stamp | None


def load_whole(network_id: int) -> Loaded:
    """A network, its policy and where in its history it is. Raises NotFoundError."""
    with one_instant():
        topology = load_topology(network_id)
        try:
            policy: Policy | GhostWireError = load_policy(network_id)
        except GhostWireError as error:
            policy = error
        return Loaded(topology, policy, policy_clock(network_id), stamp_at(network_id, topology.version))


def load_topology(network_id: int) -> Topology:
    """A network's state from the database, within the caller's transaction. Raises NotFoundError."""
    users = get_user_model().objects.only("username", "display_name", "picture_url", "is_active")
    nodes = load_node_records(network_id)
    Sharing().share(nodes)
    return Topology(
        network=load_network_record(network_id),
        nodes=Table({node.id: node for node in nodes}),
        users=Table(
            {
                user.pk: UserRecord(user.pk, user.username, user.display_name, user.picture_url, user.is_active)
                for user in users.iterator(2000)
            }
        ),
        sessions=Table(active_sessions(network_id)),
    )


@contextmanager
def one_instant() -> Iterator[None]:
    """Many queries that see the database as it was at the first of them, without keeping anybody from writing.

    Within a transaction that is open already, they see what that one sees.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # Not Django's own transaction: on SQLite that takes the lock of writers at once.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
