"""Which nodes are in which state, as conditions of the database; who is late comes from the presence store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import BooleanField, Case, IntegerField, Q, Value, When
from django.db.models.expressions import RawSQL
from redis.exceptions import RedisError

from mesh.health import MISSES_BEFORE_LATE
from nodes.models import Network, Node
from nodes.presence import presence_store

ACTIVE: Final = Q(state=Node.State.ACTIVE, login_required=False)
WAITING: Final = Q(state=Node.State.PENDING) | ACTIVE & Q(online=False, last_seen=None)
ONLINE: Final = ACTIVE & Q(online=True)
"""As peers were told: with those who are late."""
OFFLINE: Final = ACTIVE & Q(online=False, last_seen__isnull=False)
LOGIN: Final = Q(state=Node.State.ACTIVE, login_required=True)
EXPIRED: Final = Q(state=Node.State.EXPIRED) | LOGIN
"""All that only a new registration brings back."""
DISABLED: Final = Q(state=Node.State.DISABLED)


def has_status(status: str, late: Iterable[int]) -> Q:
    """Nodes of a status (``STATUSES``). ``late``: ids from ``late_ids``. Raises KeyError for a word that is none."""
    found = {
        "online": ONLINE & ~one_of(late),
        "late": one_of(late),
        "offline": OFFLINE,
        "waiting": WAITING,
        "expired": Q(state=Node.State.EXPIRED),
        "login": LOGIN,
        "disabled": DISABLED,
    }
    return found[status]


def late_ids(now: datetime) -> list[int]:
    """Ids of nodes that peers still take for online, but whose last two heartbeats are missing.

    None while the presence store does not answer.
    """
    try:
        return [node_id for network in Network.objects.order_by("pk") for node_id in _late_in(network, now)]
    except RedisError:
        return []


def _late_in(network: Network, now: datetime) -> list[int]:
    """The store names those whose silence is of that length, so that nobody has to look at all nodes."""
    store = presence_store()
    limit = now - timedelta(seconds=network.keepalive_seconds * MISSES_BEFORE_LATE)
    over = limit - timedelta(seconds=network.grace_seconds)
    since = store.since(now)
    if since > limit:
        return []  # Nobody is judged for heartbeats that could not have been heard.
    online = Node.objects.filter(ONLINE, network=network)
    if since <= over:
        silent = store.heard_last(over, limit)
        return list(online.filter(one_of(silent)).values_list("pk", flat=True)) if silent else []
    # For a moment after a restart: whoever was not heard since then is late, whenever that was before.
    ids = list(online.values_list("pk", flat=True))
    heard = store.last_seen(ids)
    return [pk for pk in ids if (at := heard.get(pk)) is None or at <= limit]


def one_of(ids: Iterable[int], column: str = '"nodes_node"."id"') -> Q:
    """Rows with these ids, however many: as parameters, 50,000 would be more than a database takes.

    ``column`` is SQL of our own, as are the ids: nothing from outside.
    """
    listed = ",".join(str(int(node_id)) for node_id in ids)
    if connection.vendor == "postgresql":
        # One value, where a list of 50,000 would be as many to parse.
        return Q(RawSQL(f"{column} = ANY ('{{{listed}}}'::bigint[])", (), output_field=BooleanField()))  # noqa: S611
    # No id is 0, and NOT IN (NULL) would be nobody.
    return Q(RawSQL(f"{column} IN ({listed or 0})", (), output_field=BooleanField()))  # noqa: S611 - integers alone


def status_rank(late: Iterable[int]) -> Case:
    """The order of attention: waiting, late, offline, online, expired, disabled."""
    cases = [When(WAITING, then=Value(0))]
    late = list(late)[:500]
    if late:
        cases.append(When(pk__in=late, then=Value(1)))
    cases += [
        When(OFFLINE, then=Value(2)),
        When(ONLINE, then=Value(3)),
        When(EXPIRED, then=Value(4)),
    ]
    return Case(*cases, default=Value(5), output_field=IntegerField())
