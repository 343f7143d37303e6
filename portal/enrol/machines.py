"""The machines that a page follows: those of an auth key, or the first ones of a network."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Min, QuerySet
from django.utils import timezone

from mesh.keys import decode_public_key, fingerprint
from nodes.models import Network, Node, OnlineSpan
from portal.enrol.hints import hint_for
from portal.enrol.stages import Came, Machine, handshakes, stages_of, stages_of_asking
from sessions_app.models import AuthKey, AuthKeyUse, Enrolment
from sessions_app.services.auth_keys import is_usable
from sessions_app.services.enrolments import live_enrolments

SHOWN: Final = 10
"""So many machines are followed: those that came last."""


def machines_of(key: AuthKey, now: datetime) -> list[Machine]:
    """The machines that used ``key`` or ask to, the latest first; ``SHOWN`` at most."""
    asking = _asking(live_enrolments(now).filter(auth_key=key))
    uses = AuthKeyUse.objects.filter(auth_key=key).order_by("-pk").values_list("node_id", flat=True)
    return asking + _arrived(list(uses[: SHOWN - len(asking)]), now)


def first_machines(network: Network, now: datetime) -> list[Machine]:
    """The machines of a network whose first ones are on their way, in the order in which they came, those that ask
    last; ``SHOWN`` at most."""
    ids = list(Node.objects.filter(network=network).order_by("pk").values_list("pk", flat=True)[:SHOWN])
    asking = live_enrolments(now).filter(network=network)
    return (_arrived(ids, now) + _asking(asking)[::-1])[:SHOWN]


def followed(key: AuthKey) -> dict[str, Any]:
    """What the part of a page shows that follows a key's machines."""
    now = timezone.now()
    machines = machines_of(key, now)
    return {
        "machines": machines,
        "more": max(key.uses - sum(machine.node is not None for machine in machines), 0),
        "waits": is_usable(key, now),
        "uses_left": None if key.max_uses is None else max(key.max_uses - key.uses, 0),
        "slow": not machines and (now - key.created_at).total_seconds() > 120,
    }


def _asking(found: QuerySet[Enrolment]) -> list[Machine]:
    rows = found.exclude(state=Enrolment.State.APPROVED).order_by("-pk")[:SHOWN]
    return [
        Machine(
            row.hostname,
            stages_of_asking(row),
            waiting=None if row.state == Enrolment.State.REJECTED else row,
            fingerprint=fingerprint(decode_public_key(row.public_key)),
            rejected=row.state == Enrolment.State.REJECTED,
        )
        for row in rows
    ]


def _arrived(ids: Sequence[int], now: datetime) -> list[Machine]:
    nodes = Node.objects.select_related("network").prefetch_related("addresses").in_bulk(list(ids))
    came = _ways(ids)
    spans = OnlineSpan.objects.filter(node_id__in=ids).order_by().values_list("node_id")
    online = dict(spans.annotate(first=Min("began")))
    shaken = handshakes(ids)
    peers = {node.first_ping_peer for node in nodes.values() if node.first_ping_peer is not None}
    networks = {node.network_id for node in nodes.values()}
    names = dict(Node.objects.filter(pk__in=peers, network_id__in=networks).values_list("pk", "name"))
    made = []
    for node_id in ids:
        node = nodes.get(node_id)
        if node is None:
            continue  # it went meanwhile
        way = came.get(node_id) or Came(node.created_at, None, "")
        pinged = names.get(node.first_ping_peer or 0, "")
        stages = stages_of(node, way, online.get(node_id), shaken.get(node_id), pinged)
        hint = hint_for(node, [(stage.word, stage.state, stage.at) for stage in stages], way.seen_at, now)
        addresses = tuple(row.address for row in sorted(node.addresses.all(), key=lambda row: row.family))
        made.append(Machine(node.name, stages, node=node, hint=hint, addresses=addresses))
    return made


def _ways(ids: Sequence[int]) -> dict[int, Came]:
    """How each node came: by its key, or by a person's word, which is told for as long as the request is kept."""
    uses = AuthKeyUse.objects.filter(node_id__in=ids).order_by("-pk").values_list("node_id", "created_at")
    came = {node_id: Came(at, at, "by its key") for node_id, at in uses}
    asked = Enrolment.objects.filter(node_id__in=ids, state=Enrolment.State.APPROVED).select_related("decided_by")
    return came | {
        row.node_id: Came(row.created_at, row.decided_at, f"by {row.decided_by}" if row.decided_by else "")
        for row in asked
        if row.node_id is not None
    }
