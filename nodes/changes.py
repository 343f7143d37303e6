"""The one way to move a network's map: take its lock, write, record what changed."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction

from mesh.change import Cause, ChangeKind
from mesh.errors import NotFoundError
from nodes import hints
from nodes.models import Change, Network, Node


def lock_network(network_id: int) -> Network:
    """Takes the network's row lock for the rest of the transaction and returns the row.

    On SQLite the transaction itself is the lock: it began IMMEDIATE.

    Raises NotFoundError if there is no such network, RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A network is locked inside a transaction.")
    network = Network.objects.select_for_update().filter(pk=network_id).first()
    if network is None:
        raise NotFoundError(f"There is no network {network_id}.")
    return network


def lock_node(node_id: int) -> tuple[Network, Node]:
    """Takes the lock of a node's network and reads the node under it: it may have changed while this call waited.

    Raises NotFoundError if there is no such node, or none any more; RuntimeError outside a transaction.
    """
    network_id = Node.objects.filter(pk=node_id).values_list("network_id", flat=True).first()
    if network_id is None:
        raise NotFoundError(f"There is no node {node_id}.")
    network = lock_network(network_id)
    node = Node.objects.select_related("owner").filter(pk=node_id).first()
    if node is None:
        raise NotFoundError(f"There is no node {node_id}.")
    return network, node


def record_change(*, network: Network, kind: ChangeKind, facts: dict[str, Any], cause: Cause, now: datetime) -> int:
    """Appends one change to a locked network and returns the new map version.

    ``network`` comes from ``lock_network`` in the same transaction. ``facts`` are the full new facts, JSON-able and
    without secrets. Workers hear of it when the transaction commits, and never if it does not.
    """
    network.map_version += 1
    network.save(update_fields=["map_version"])
    Change.objects.create(
        network=network,
        version=network.map_version,
        kind=kind.value,
        facts=facts,
        actor=cause.actor,
        origin=cause.origin,
        request_id=cause.request_id,
        created_at=now,
    )
    # Robust: what is committed is committed, whatever becomes of the news.
    transaction.on_commit(partial(hints.publish, network.pk, network.map_version), robust=True)
    return network.map_version
