"""Writes what went through nodes' tunnels: hours that grow, and the totals that the next reports are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from django.db import connection, transaction

from mesh.traffic import MAX_BYTES, Hours, Totals, add, advance
from nodes.models import Node, TrafficHour, TrafficTotal

BATCH: Final = 1000
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in a row that was made only to be locked."""

# A node that is being deleted is left out, and nobody else is kept waiting: its other columns may be written meanwhile.
_ALIVE_POSTGRESQL: Final = "SELECT id FROM nodes_node WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE SKIP LOCKED"
_TOTALS_POSTGRESQL: Final = """
    UPDATE nodes_traffictotal SET counter = told.counter, rx_bytes = told.rx, tx_bytes = told.tx, told_at = told.at
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[])
         AS told (id, counter, rx, tx, at)
    WHERE nodes_traffictotal.node_id = told.id
"""
_TOTALS_SQLITE: Final = (
    "UPDATE nodes_traffictotal SET counter = %s, rx_bytes = %s, tx_bytes = %s, told_at = %s WHERE node_id = %s"
)
_HOURS_POSTGRESQL: Final = """
    INSERT INTO nodes_traffichour AS known (node_id, hour, rx_bytes, tx_bytes)
    SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[], %s::bigint[])
    ON CONFLICT (node_id, hour) DO UPDATE SET
        rx_bytes = least(%s, known.rx_bytes + excluded.rx_bytes),
        tx_bytes = least(%s, known.tx_bytes + excluded.tx_bytes)
"""
_HOURS_SQLITE: Final = """
    INSERT INTO nodes_traffichour (node_id, hour, rx_bytes, tx_bytes) VALUES (%s, %s, %s, %s)
    ON CONFLICT (node_id, hour) DO UPDATE SET
        rx_bytes = min(%s, rx_bytes + excluded.rx_bytes),
        tx_bytes = min(%s, tx_bytes + excluded.tx_bytes)
"""


@transaction.atomic
def write_traffic(*, reports: Mapping[int, Sequence[Totals]]) -> int:
    """Adds what reports say, by node id and in their order, to the nodes' hours. Returns for how many nodes.

    A handful of statements a call, whatever its size; no lock of a network is taken and no map moves. Harmless when
    doubled: what a report told already counts once. Nodes that are gone are passed over.
    """
    alive = _alive(sorted(reports))
    TrafficTotal.objects.bulk_create(
        [TrafficTotal(node_id=node_id, counter="", rx_bytes=0, tx_bytes=0, told_at=_NEVER) for node_id in alive],
        ignore_conflicts=True,
    )
    # In the order of ids, so that two processes that write of the same nodes wait for each other and not both.
    known = {row.pk: row for row in TrafficTotal.objects.select_for_update().filter(pk__in=alive).order_by("pk")}
    totals: dict[int, Totals] = {}
    hours: dict[int, Hours] = {}
    for node_id in alive:
        last = _totals_of(known[node_id])
        gone = hours.setdefault(node_id, {})
        for report in reports[node_id]:
            last, more = advance(last, report)
            add(gone, more)
        if last is not None:
            totals[node_id] = last
    _write_totals(totals)
    _write_hours([(node_id, hour, rx, tx) for node_id, gone in hours.items() for hour, (rx, tx) in gone.items()])
    return len(alive)


@transaction.atomic
def forget_traffic(*, before: datetime, limit: int = 5000) -> int:
    """Drops hours that began before ``before``, at most ``limit``; returns how many. Harmless when doubled."""
    old = list(TrafficHour.objects.filter(hour__lt=before).order_by().values_list("pk", flat=True)[:limit])
    TrafficHour.objects.filter(pk__in=old).delete()
    return len(old)


def _alive(node_ids: list[int]) -> list[int]:
    if connection.vendor != "postgresql":
        return list(Node.objects.filter(pk__in=node_ids).order_by("pk").values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(_ALIVE_POSTGRESQL, [node_ids])
        return [row[0] for row in cursor.fetchall()]


def _totals_of(row: TrafficTotal) -> Totals | None:
    return None if row.told_at == _NEVER else Totals(row.counter, row.rx_bytes, row.tx_bytes, row.told_at)


def _write_totals(totals: Mapping[int, Totals]) -> None:
    if not totals:
        return
    rows = [(node_id, item.counter, item.rx, item.tx, item.at) for node_id, item in totals.items()]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_TOTALS_POSTGRESQL, [list(column) for column in zip(*rows, strict=True)])
            return
        stored = connection.ops.adapt_datetimefield_value
        cursor.executemany(_TOTALS_SQLITE, [(name, rx, tx, str(stored(at)), pk) for pk, name, rx, tx, at in rows])


def _write_hours(rows: Sequence[tuple[int, datetime, int, int]]) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_HOURS_POSTGRESQL, [*map(list, zip(*rows, strict=True)), MAX_BYTES, MAX_BYTES])
            return
        stored = connection.ops.adapt_datetimefield_value
        cursor.executemany(
            _HOURS_SQLITE, [(pk, str(stored(hour)), rx, tx, MAX_BYTES, MAX_BYTES) for pk, hour, rx, tx in rows]
        )
