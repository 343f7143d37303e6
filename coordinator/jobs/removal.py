"""Removes many nodes at once, as ``lifecycle.delete_node`` does each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from acl.selectors import load_policy
from coordinator.acknowledgements import ACKNOWLEDGED
from coordinator.finding.status import one_of
from coordinator.jobs.rows import NodeRow
from mesh.change import Cause, ChangeKind
from mesh.policy import SelectorKind
from nodes.changes import record_change
from nodes.facts import node_facts
from nodes.models import Address, NameReservation, Network, Node, RetiredKey
from nodes.presence import presence_store
from nodes.services.routes import elect_primaries, prefixes_of


def denied_nodes(network_id: int) -> dict[int, str]:
    """Nodes that an enabled deny rule names, with the words of the rule: without the node it would fail open."""
    found: dict[int, str] = {}
    for rule in load_policy(network_id).ordered():
        if rule.enabled and not rule.accepts:
            for selector in (*rule.sources, *rule.destinations):
                if selector.kind is SelectorKind.NODE and selector.ident is not None:
                    found.setdefault(selector.ident, rule.label())
    return found


def remove_rows(
    *, network: Network, rows: Sequence[NodeRow], cause: Cause, now: datetime, overridden: Sequence[str] = ()
) -> int:
    """Deletes nodes of a locked network as one change: addresses and names rest, keys are retired, routes move on.

    ``overridden``: objections that somebody overrode, to be recorded. Returns the version.
    """
    ids = [row.id for row in rows]
    until = now + timedelta(seconds=network.quarantine_seconds)
    held = Address.objects.filter(one_of(ids, '"nodes_address"."node_id"'))
    held.update(node=None, fixed=False, quarantined_until=until)
    NameReservation.objects.bulk_create(
        (NameReservation(network=network, name=row.name, until=until) for row in rows),
        update_conflicts=True,
        unique_fields=["network", "name"],
        update_fields=["until", "held_for"],
    )
    keys = Node.objects.filter(one_of(ids)).values_list("pk", "public_key")
    names = {row.id: row.name for row in rows}
    RetiredKey.objects.bulk_create(
        RetiredKey(
            public_key=key,
            network=network,
            node_id_was=pk,
            node_name_was=names[pk],
            reason=RetiredKey.Reason.DELETED,
        )
        for pk, key in keys
    )
    prefixes = prefixes_of(ids)
    Node.objects.filter(pk__in=ids).delete()
    moved = elect_primaries(network=network, prefixes=prefixes)
    facts = node_facts(network.pk, moved, removed=ids) | {"names": {str(pk): name for pk, name in names.items()}}
    if len(rows) == 1:
        facts["name"] = rows[0].name
    if overridden:
        facts["forced"] = list(overridden)
    version = record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)
    # Robust: the nodes are gone, whether or not the stores answer.
    transaction.on_commit(partial(_forget, ids), robust=True)
    return version


def _forget(node_ids: list[int]) -> None:
    presence_store().forget(node_ids)
    ACKNOWLEDGED.forget(node_ids)
