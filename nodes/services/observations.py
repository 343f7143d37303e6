"""Where peers saw a node: candidates for the others, after those that the node names itself.

Nobody has to trust a reporter. WireGuard authenticates every packet, so a false address carries no traffic: it costs
whoever tries it one attempt, after all that the node names itself, and it goes when nobody repeats it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from mesh.change import Cause, ChangeKind
from nodes.changes import lock_network, record_change
from nodes.models import Endpoint, Network, Node, Observation
from nodes.services.endpoints import endpoint_facts, write_observed

LIFETIME: Final = timedelta(hours=1)
REFRESH: Final = timedelta(minutes=10)
"""A repeated report is written when the one that is stored is older than this."""
MAX_REPORTERS: Final = 8
"""Kept of a node: those heard last."""
MAX_OBSERVED: Final = 3
"""Told of a node."""


def news_of(*, reporter_id: int, seen: Mapping[int, str], now: datetime) -> dict[int, str]:
    """What of a report has to be written: other addresses than are stored, and those that want refreshing."""
    stored = {
        node_id: (address, seen_at)
        for node_id, address, seen_at in Observation.objects.filter(
            reporter_id=reporter_id, node_id__in=list(seen)
        ).values_list("node_id", "address", "seen_at")
    }
    return {
        node_id: address
        for node_id, address in seen.items()
        if node_id not in stored or stored[node_id][0] != address or now - stored[node_id][1] >= REFRESH
    }


@transaction.atomic
def note_observations(
    *, network_id: int, reporter_id: int, seen: Mapping[int, str], cause: Cause, now: datetime
) -> int:
    """Writes where ``reporter_id`` saw peers (by id, in normal form), and tells their peers what changes by it.

    Which nodes the reporter may speak of is the caller's to see to. Returns the map version after it. Raises
    NotFoundError if the network is gone.
    """
    network = lock_network(network_id)
    known = set(Node.objects.filter(network=network, pk__in=[*seen, reporter_id]).values_list("pk", flat=True))
    if reporter_id not in known:
        return network.map_version
    written = sorted(known & seen.keys() - {reporter_id})
    for node_id in written:
        row = Observation.objects.filter(node_id=node_id, reporter_id=reporter_id).first()
        if row is None:
            row = Observation(node_id=node_id, reporter_id=reporter_id)
        if row.address != seen[node_id]:
            row.address, row.since = seen[node_id], now
        row.seen_at = now
        row.save()
        kept = Observation.objects.filter(node_id=node_id).order_by("-seen_at", "-pk").values_list("pk", flat=True)
        Observation.objects.filter(node_id=node_id).exclude(pk__in=list(kept[:MAX_REPORTERS])).delete()
    _tell(network, written, cause, now)
    return network.map_version


@transaction.atomic
def forget_observations(*, network_id: int, cause: Cause, now: datetime, limit: int = 1000) -> int:
    """Drops what nobody repeated for ``LIFETIME``, and takes out of the maps what no report stands behind any more, for
    ``limit`` nodes at most. Returns for how many. Raises NotFoundError.
    """
    network = lock_network(network_id)
    old = Observation.objects.filter(node__network=network, seen_at__lte=now - LIFETIME)
    nodes = set(old.order_by("seen_at").values_list("node_id", flat=True)[:limit])
    old.filter(node_id__in=nodes).delete()
    behind = Observation.objects.filter(node=OuterRef("node"), address=OuterRef("address"))
    baseless = Endpoint.objects.filter(node__network=network, kind=Endpoint.Kind.OBSERVED).exclude(Exists(behind))
    nodes |= set(baseless.values_list("node_id", flat=True)[:limit])
    _tell(network, nodes, cause, now)
    return len(nodes)


def _tell(network: Network, node_ids: Collection[int], cause: Cause, now: datetime) -> None:
    reports: dict[int, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    rows = Observation.objects.filter(node_id__in=list(node_ids), seen_at__gt=now - LIFETIME)
    for node_id, address, since in rows.values_list("node_id", "address", "since"):
        reports[node_id][address].append(since)
    nodes = Node.objects.filter(pk__in=list(node_ids)).order_by("pk")
    changed = [node for node in nodes if write_observed(node=node, addresses=_best(reports[node.pk]))]
    if changed:
        facts = endpoint_facts([node.pk for node in changed])
        record_change(network=network, kind=ChangeKind.ENDPOINTS, facts=facts, cause=cause, now=now)


def _best(reports: Mapping[str, list[datetime]]) -> list[str]:
    """The addresses that most reporters agree on first; among equals the one that came up last.

    By when it came up, not by when it was last repeated: repeating must not change the order.
    """
    return sorted(reports, key=lambda address: (-len(reports[address]), -max(reports[address]).timestamp(), address))[
        :MAX_OBSERVED
    ]
