"""How far relays are from nodes, as the nodes measured it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from django.db import connection

from nodes.models import Node

_MEDIANS = """
    SELECT measured.key, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY measured.value::float8)
    FROM nodes_node, jsonb_each_text(relay_latency_ms) AS measured
    WHERE network_id = %s GROUP BY measured.key
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """The median of what ``nodes`` nodes measured to a region, in milliseconds."""

    nodes: int
    median_ms: float


def region_latencies(network_id: int) -> dict[int, Latency]:
    """By the number of the region; those that nobody measured are left out. One query."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_MEDIANS, [network_id])
            return {int(number): Latency(count, value) for number, count, value in cursor.fetchall()}
    rows = Node.objects.filter(network_id=network_id).order_by().values_list("relay_latency_ms", flat=True)
    return _medians(rows)


def _medians(rows: Iterable[dict[str, float]]) -> dict[int, Latency]:
    measured: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        for number, ms in row.items():
            measured[int(number)].append(ms)
    return {number: Latency(len(found), median(found)) for number, found in measured.items()}
