"""How long statements take by what they do, and what is told of the connection pool."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from django.db.backends.signals import connection_created
from django.db.utils import OperationalError

from coordinator import database_metrics
from coordinator.database_metrics import kind_of, watch_queries
from coordinator.metrics import REGISTRY
from nodes.models import Network


def timed(kind: str) -> float:
    return REGISTRY.get_sample_value("ghostwire_database_query_seconds_count", {"kind": kind}) or 0.0


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


@pytest.fixture
def watched() -> Iterator[None]:
    watch_queries()
    yield
    connection_created.disconnect(dispatch_uid="ghostwire_time_queries")
    while database_metrics._time_query in connection.execute_wrappers:
        connection.execute_wrappers.remove(database_metrics._time_query)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT 1", "read"),
        ("  select\n1", "read"),
        ('SELECT "a" FROM "b" WHERE "c" = %s FOR NO KEY UPDATE OF "b"', "lock"),
        ("SELECT 1 FOR UPDATE SKIP LOCKED", "lock"),
        ("INSERT INTO a VALUES (1)", "write"),
        ("UPDATE a SET b = 1", "write"),
        ("DELETE FROM a", "write"),
        ("SAVEPOINT s1", "other"),
        ("", "other"),
        (b"SELECT 1", "other"),
    ],
)
def test_kinds(sql: object, kind: str) -> None:
    assert kind_of(sql) == kind


@pytest.mark.django_db
def test_each_statement_is_timed_once(watched: None, network: Network) -> None:
    watch_queries()
    before = timed("read"), timed("write")
    Network.objects.get(pk=network.pk)
    Network.objects.filter(pk=network.pk).update(domain=network.domain)
    assert (timed("read"), timed("write")) == (before[0] + 1, before[1] + 1)


@pytest.mark.django_db
def test_one_that_fails_is_timed(watched: None) -> None:
    before = timed("read")
    with pytest.raises((ProgrammingError, OperationalError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    assert timed("read") == before + 1


@pytest.mark.django_db
def test_a_connection_that_comes_later_is_watched_beside_those_who_look_on_for_a_while(watched: None) -> None:
    later = SimpleNamespace(execute_wrappers=["a context's"])
    connection_created.send(sender=type(connection), connection=later)
    assert later.execute_wrappers == [database_metrics._time_query, "a context's"]


class FakePool:
    closed = False

    def get_stats(self) -> dict[str, int]:
        return {"pool_min": 2, "pool_max": 10, "pool_size": 7, "pool_available": 3, "requests_waiting": 4}


def test_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    handler: Any = {"default": SimpleNamespace(pool=FakePool())}
    monkeypatch.setattr(database_metrics, "connections", handler)
    told = list(database_metrics.Pool().collect())
    samples = {(item.name, *item.labels.values()): item.value for metric in told for item in metric.samples}
    assert samples == {
        ("ghostwire_database_pool_connections", "used"): 4,
        ("ghostwire_database_pool_connections", "idle"): 3,
        ("ghostwire_database_pool_limit",): 10,
        ("ghostwire_database_pool_waiting",): 4,
    }


def test_where_there_is_no_pool_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    handler: Any = {"default": SimpleNamespace()}
    monkeypatch.setattr(database_metrics, "connections", handler)
    assert [metric.samples for metric in database_metrics.Pool().collect()] == [[], [], []]


@pytest.mark.django_db
def test_the_pool_in_use() -> None:
    if connection.vendor != "postgresql":
        assert value("ghostwire_database_pool_limit") is None
        return
    Network.objects.count()
    used = value("ghostwire_database_pool_connections", state="used")
    assert used is not None and used >= 1
