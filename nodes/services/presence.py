"""Writes who is online. Presence reaches maps only through these changes, in batches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from mesh.change import Cause, ChangeKind
from nodes.changes import lock_network, record_change
from nodes.facts import node_facts
from nodes.models import Network, Node
from nodes.services.routes import elect_primaries, prefixes_of

# One statement a batch, whatever its size: a statement a node would hold the network's lock for seconds when a site
# with thousands of nodes loses its uplink.
_OFFLINE_POSTGRESQL = """
    UPDATE nodes_node SET online = false, last_seen = heard.at
    FROM unnest(%s::bigint[], %s::timestamptz[]) AS heard (id, at) WHERE nodes_node.id = heard.id
"""
_OFFLINE_SQLITE = """
    UPDATE nodes_node SET online = 0, last_seen = heard.at
    FROM (
        SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS at FROM json_each(%s)
    ) AS heard WHERE nodes_node.id = heard.id
"""


@transaction.atomic
def mark_online(*, network_id: int, node_ids: list[int], cause: Cause, now: datetime) -> list[int]:
    """Records that nodes came back, as one change; returns those that were offline until now.

    A node that may not take part stays offline: a sign of life from just before it was cut off changes nothing.
    """
    network = lock_network(network_id)
    may_take_part = Node.objects.filter(
        Q(owner=None) | Q(owner__is_active=True), network=network, state=Node.State.ACTIVE, login_required=False
    )
    back = list(may_take_part.filter(pk__in=node_ids, online=False).order_by("pk").values_list("pk", flat=True))
    if back:
        Node.objects.filter(pk__in=back).update(online=True, last_seen=now)
        facts = {"online": back, "offline": []}
        record_change(network=network, kind=ChangeKind.PRESENCE, facts=facts, cause=cause, now=now)
        _hand_over_routes(network, back, cause, now)
    return back


@transaction.atomic
def mark_offline(*, network_id: int, last_seen: Mapping[int, datetime], cause: Cause, now: datetime) -> list[int]:
    """Records that nodes fell silent, as one change, each with the second it was last heard in; returns those nodes."""
    network = lock_network(network_id)
    online = Node.objects.filter(network=network, pk__in=list(last_seen), online=True)
    gone = list(online.order_by("pk").values_list("pk", flat=True))
    if gone:
        # To the second: what peers are told groups nodes by that instant, and those lost together shall share it.
        heard = {node_id: last_seen[node_id].replace(microsecond=0) for node_id in gone}
        _write_offline(heard)
        offline = [{"id": node_id, "at": at.isoformat()} for node_id, at in heard.items()]
        facts = {"online": [], "offline": offline}
        record_change(network=network, kind=ChangeKind.PRESENCE, facts=facts, cause=cause, now=now)
        _hand_over_routes(network, gone, cause, now)
    return gone


def _hand_over_routes(network: Network, node_ids: list[int], cause: Cause, now: datetime) -> None:
    """A silent router's prefixes go to a standby that is online, if there is one; a second change tells peers."""
    moved = elect_primaries(network=network, prefixes=prefixes_of(node_ids))
    if moved:
        record_change(network=network, kind=ChangeKind.NODES, facts=node_facts(network.pk, moved), cause=cause, now=now)


def _write_offline(last_seen: Mapping[int, datetime]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_OFFLINE_POSTGRESQL, [list(last_seen), list(last_seen.values())])
            return
        stored = connection.ops.adapt_datetimefield_value
        rows = [[node_id, str(stored(at))] for node_id, at in last_seen.items()]
        cursor.execute(_OFFLINE_SQLITE, [json.dumps(rows)])
