"""Writes who is online. Presence reaches maps only through these changes, in batches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from mesh.change import Cause, ChangeKind
from nodes.changes import lock_network, record_change
from nodes.models import Node


@transaction.atomic
def mark_online(*, network_id: int, node_ids: list[int], cause: Cause, now: datetime) -> list[int]:
    """Records that nodes came back, as one change; returns those that were offline until now."""
    network = lock_network(network_id)
    back = list(Node.objects.filter(network=network, pk__in=node_ids, online=False).values_list("pk", flat=True))
    if back:
        Node.objects.filter(pk__in=back).update(online=True, last_seen=now)
        facts = {"online": sorted(back), "offline": []}
        record_change(network=network, kind=ChangeKind.PRESENCE, facts=facts, cause=cause, now=now)
    return back


@transaction.atomic
def mark_offline(*, network_id: int, last_seen: Mapping[int, datetime], cause: Cause, now: datetime) -> list[int]:
    """Records that nodes fell silent, as one change, with when each was last heard; returns those it concerned."""
    network = lock_network(network_id)
    gone = list(Node.objects.filter(network=network, pk__in=list(last_seen), online=True))
    if gone:
        for node in gone:
            Node.objects.filter(pk=node.pk).update(online=False, last_seen=last_seen[node.pk])
        offline = [{"id": node.pk, "at": last_seen[node.pk].isoformat()} for node in gone]
        facts = {"online": [], "offline": offline}
        record_change(network=network, kind=ChangeKind.PRESENCE, facts=facts, cause=cause, now=now)
    return [node.pk for node in gone]
