"""How long the database takes, and how much of the connection pool is in use, for Prometheus.

Each process tells of its own queries and its own pool. Statements are told apart by what they do, never by their text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from prometheus_client import Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from coordinator.metrics import REGISTRY

QUERIES: Final = Histogram(
    "ghostwire_database_query_seconds",
    "Time of one statement in the database, also of one that failed; waits for locks included.",
    ("kind",),
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    registry=REGISTRY,
)
_KINDS: Final = {kind: QUERIES.labels(kind) for kind in ("read", "lock", "write", "other")}
_VERBS: Final = {
    **dict.fromkeys(("SELECT", "VALUES", "EXPLAIN", "SHOW"), "read"),
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "REPLACE"), "write"),
}
_VERB_LENGTH: Final = 8
_TAIL: Final = 64
"""Where ``FOR UPDATE`` stands, with the tables that it may name."""


def kind_of(sql: object) -> str:
    """What a statement does: ``read``, ``lock`` (a read that takes rows' locks), ``write``, or ``other``: savepoints,
    settings, and whatever begins with ``WITH``."""
    if not isinstance(sql, str):
        return "other"
    head = sql[:_VERB_LENGTH].split(None, 1)
    kind = _VERBS.get(head[0].upper(), "other") if head else "other"
    if kind == "read":
        tail = sql[-_TAIL:]
        if "FOR UPDATE" in tail or "FOR NO KEY UPDATE" in tail:
            return "lock"
    return kind


def watch_queries() -> None:
    """Times the statements of this process from now on, on connections that there are and on those to come."""
    connection_created.connect(_watch_connection, dispatch_uid="ghostwire_time_queries")
    for connection in connections.all(initialized_only=True):
        _watch(connection)


class Pool(Collector):
    """The connections of this process's pool. There is none on SQLite, and none before the first query."""

    def collect(self) -> Iterator[Metric]:
        """Asks the pool for its figures, which costs no query."""
        connections_ = GaugeMetricFamily(
            "ghostwire_database_pool_connections", "Connections of the pool, in use and idle.", labels=("state",)
        )
        limit = GaugeMetricFamily("ghostwire_database_pool_limit", "Connections that the pool may have at most.")
        waiting = GaugeMetricFamily("ghostwire_database_pool_waiting", "Threads that wait for a connection.")
        figures = _pool_figures()
        if figures is not None:
            size, idle = figures["pool_size"], figures["pool_available"]
            connections_.add_metric(("used",), max(0, size - idle))
            connections_.add_metric(("idle",), idle)
            limit.add_metric((), figures["pool_max"])
            waiting.add_metric((), figures.get("requests_waiting", 0))
        yield from (connections_, limit, waiting)


REGISTRY.register(Pool())


def _pool_figures() -> dict[str, int] | None:
    pool = getattr(connections[DEFAULT_DB_ALIAS], "pool", None)
    if pool is None or pool.closed:
        return None
    figures: dict[str, int] = pool.get_stats()
    return figures


def _watch_connection(connection: BaseDatabaseWrapper, **_: Any) -> None:
    _watch(connection)


def _watch(connection: BaseDatabaseWrapper) -> None:
    # In front of all others: those that come and go with a context take the last one away.
    if _time_query not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, _time_query)


def _time_query(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    began = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        _KINDS[kind_of(sql)].observe(time.perf_counter() - began)
