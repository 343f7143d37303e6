"""Takes the samples of a minute."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Count
from redis.exceptions import RedisError

from coordinator.finding.status import ONLINE, late_ids, one_of, status_rank
from coordinator.tallies import MAP_PREFIX, map_buckets, tally_store
from nodes.models import Network, Node, Sample
from nodes.presence import presence_store
from sessions_app.models import NodeSession

log = structlog.get_logger(__name__)

MINUTE: Final = 60
IN_TIME: Final = 1.5
"""Of a heartbeat's interval: a node that was heard within so long was heard in time."""
# As ``status_rank`` numbers them.
_WAITING, _OFFLINE, _ONLINE = 0, 2, 3


def take_samples(*, now: datetime) -> int:
    """Writes down how each network does and what the workers did, for this minute; returns how many rows.

    Once a minute, whoever asks: a second call, or one in another process, writes nothing.
    """
    at = now.replace(second=0, microsecond=0)
    known = set(Sample.objects.filter(span=MINUTE, at=at).values_list("network_id", flat=True))
    rows = [sample for sample in _of_networks(now, at) if sample.network_id not in known]
    if None not in known:
        portal = _of_portal(at)
        rows += [] if portal is None else [portal]
    with transaction.atomic():
        Sample.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _of_networks(now: datetime, at: datetime) -> list[Sample]:
    networks = list(Network.objects.order_by("pk"))
    by_rank = Node.objects.order_by().annotate(gw_rank=status_rank(())).values("network_id", "gw_rank")
    counts = {(row["network_id"], row["gw_rank"]): row["number"] for row in by_rank.annotate(number=Count("pk"))}
    running = NodeSession.objects.filter(ended_at=None).order_by().values("node__network_id")
    sessions = {row["node__network_id"]: row["number"] for row in running.annotate(number=Count("pk"))}
    heard = _heard(networks, now)
    found = []
    for network in networks:
        online = counts.get((network.pk, _ONLINE), 0)
        late, missed = heard.get(network.pk, (None, None))
        found.append(
            Sample(
                network=network,
                at=at,
                span=MINUTE,
                # While nobody can tell who is late, they are as their peers were told.
                online=max(online - (late or 0), 0),
                late=late,
                offline=counts.get((network.pk, _OFFLINE), 0),
                waiting=counts.get((network.pk, _WAITING), 0),
                sessions=sessions.get(network.pk, 0),
                due=None if missed is None else online,
                heard=None if missed is None else max(online - missed, 0),
            )
        )
    return found


def _heard(networks: list[Network], now: datetime) -> dict[int, tuple[int | None, int | None]]:
    """How many online nodes are late, and how many were not heard in time; None where the store has not listened for
    long enough. Nothing while it does not answer."""
    try:
        store = presence_store()
        since = store.since(now)
        late = late_ids(now)
        return {network.pk: _heard_in(network, since, late, now) for network in networks}
    except RedisError as error:
        log.warning("samples.store_unavailable", error=str(error))
        return {}


def _heard_in(network: Network, since: datetime, late: list[int], now: datetime) -> tuple[int | None, int | None]:
    interval = timedelta(seconds=network.keepalive_seconds)
    if since > now - 2 * interval:
        return None, None
    online = Node.objects.filter(ONLINE, network=network)
    oldest = now - timedelta(seconds=network.grace_seconds) - 10 * interval
    silent = presence_store().heard_last(oldest, now - IN_TIME * interval)
    return (
        online.filter(one_of(late)).count() if late else 0,
        online.filter(one_of(silent)).count() if silent else 0,
    )


def _of_portal(at: datetime) -> Sample | None:
    """What all workers did since the last minute; None if none reported."""
    try:
        counts = tally_store().take()
    except RedisError as error:
        log.warning("samples.tally_unavailable", error=str(error))
        return None
    if not counts:
        return None
    return Sample(
        network=None,
        at=at,
        span=MINUTE,
        heartbeats=counts.get("heartbeats", 0),
        pushes=counts.get("pushes", 0),
        errors=counts.get("errors", 0),
        maps=[counts.get(MAP_PREFIX + bound, 0) for bound in map_buckets()],
    )
