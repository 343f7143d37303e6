from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from pytest_django.plugin import DjangoDbBlocker

from ghostwire_site.config.document import Document
from ghostwire_site.config.environment import read_overrides
from ghostwire_site.config.load import build
from ghostwire_site.databases import database_settings
from tests.services.postgres import Cluster


@pytest.fixture(autouse=True)
def _own_databases(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Allow connections: these tests open databases of their own, never the suite's."""
    with django_db_blocker.unblock():
        yield


@contextmanager
def connected(**variables: str) -> Iterator[BaseDatabaseWrapper]:
    """Give a Django connection as the product would make it under these variables."""
    config = build(Document(name="(no file)"), read_overrides(variables)).config
    # Under a name of its own: pools are shared by name, and "default" is the suite's own database.
    connection = ConnectionHandler({"default": {}, "probe": database_settings(config)})["probe"]
    connection.inc_thread_sharing()
    try:
        yield connection
    finally:
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()


def answer(connection: BaseDatabaseWrapper, query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        (value,) = cursor.fetchone()
        return value


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "db.sqlite")


def test_sqlite_is_durable_and_its_cache_is_as_configured(path: str) -> None:
    with connected(GHOSTWIRE_DATABASE__PATH=path, GHOSTWIRE_DATABASE__CACHE_SIZE="64MiB") as connection:
        assert answer(connection, "PRAGMA synchronous") == 2
        assert answer(connection, "PRAGMA cache_size") == -64 * 1024
        assert answer(connection, "PRAGMA foreign_keys") == 1
        assert answer(connection, "PRAGMA busy_timeout") == 20_000
    assert Path(path).exists()


@pytest.mark.parametrize(("parallel", "journal"), [("true", "wal"), ("false", "delete")])
def test_parallel_writes_chooses_the_journal(path: str, parallel: str, journal: str) -> None:
    with connected(GHOSTWIRE_DATABASE__PATH=path, GHOSTWIRE_DATABASE__PARALLEL_WRITES=parallel) as connection:
        assert answer(connection, "PRAGMA journal_mode") == journal


def _begin(connection: BaseDatabaseWrapper) -> None:
    """Begin a transaction as atomic() does."""
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def _with_a_row_written_and_not_committed(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (n)")
        cursor.execute("INSERT INTO t VALUES (1)")
    _begin(connection)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (2)")


def test_with_parallel_writes_readers_go_on_while_one_writes(path: str) -> None:
    with connected(GHOSTWIRE_DATABASE__PATH=path) as writer, connected(GHOSTWIRE_DATABASE__PATH=path) as reader:
        _with_a_row_written_and_not_committed(writer)

        assert answer(reader, "SELECT count(*) FROM t") == 1
        writer.commit()
        assert answer(reader, "SELECT count(*) FROM t") == 2
        writer.set_autocommit(True)


def test_without_parallel_writes_a_commit_waits_for_readers(path: str) -> None:
    variables = {"GHOSTWIRE_DATABASE__PATH": path, "GHOSTWIRE_DATABASE__PARALLEL_WRITES": "false"}
    with connected(**variables) as writer:
        _with_a_row_written_and_not_committed(writer)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        with writer.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout=0")
        with pytest.raises(OperationalError, match="locked"):
            writer.commit()
        reader.execute("COMMIT")
        writer.commit()
        writer.set_autocommit(True)
        reader.close()


def test_a_transaction_takes_the_write_lock_at_once(path: str) -> None:
    with connected(GHOSTWIRE_DATABASE__PATH=path) as connection:
        _begin(connection)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()
        connection.rollback()
        connection.set_autocommit(True)


def test_writers_wait_for_each_other(path: str) -> None:
    with connected(GHOSTWIRE_DATABASE__PATH=path) as first:
        _with_a_row_written_and_not_committed(first)
        started, done = threading.Event(), threading.Event()

        def write() -> None:
            with connected(GHOSTWIRE_DATABASE__PATH=path) as second, second.cursor() as cursor:
                started.set()
                cursor.execute("INSERT INTO t VALUES (3)")
                done.set()

        thread = threading.Thread(target=write)
        thread.start()
        assert started.wait(10)
        assert not done.is_set()
        first.commit()
        first.set_autocommit(True)
        thread.join(10)

        assert answer(first, "SELECT count(*) FROM t") == 3


def test_postgresql_keeps_prepared_statements_and_a_bounded_pool(postgres: Cluster) -> None:
    with connected(GHOSTWIRE_DATABASE__URL=postgres.url, GHOSTWIRE_DATABASE__CONNECTIONS="15") as connection:
        with connection.cursor() as cursor:
            for number in range(6):
                cursor.execute("SELECT %s::int + 40", [number])
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%+ 40%%'")
            assert cursor.fetchone() == (1,)
        pool = connection.pool  # type: ignore[attr-defined]
        assert pool.max_size == 3


@pytest.mark.parametrize(
    ("variables", "size"),
    [
        ({}, 12),
        ({"GHOSTWIRE_DATABASE__PROCESSES": "1"}, 64),
        ({"GHOSTWIRE_DATABASE__PROCESSES": "64"}, 1),
        ({"GHOSTWIRE_DATABASE__CONNECTIONS": "100", "GHOSTWIRE_DATABASE__PROCESSES": "8"}, 12),
    ],
)
def test_processes_share_64_connections_unless_told_otherwise(variables: dict[str, str], size: int) -> None:
    variables = {"GHOSTWIRE_DATABASE__URL": "postgresql://db/gw"} | variables
    config = build(Document(name="x"), read_overrides(variables)).config

    assert database_settings(config)["OPTIONS"]["pool"]["max_size"] == size


def test_postgresql_ends_what_takes_too_long(postgres: Cluster) -> None:
    variables = {
        "GHOSTWIRE_DATABASE__URL": postgres.url,
        "GHOSTWIRE_DATABASE__STATEMENT_TIMEOUT": "7s",
        "GHOSTWIRE_DATABASE__LOCK_TIMEOUT": "3s",
    }
    with connected(**variables) as connection:
        assert answer(connection, "SHOW statement_timeout") == "7s"
        assert answer(connection, "SHOW idle_in_transaction_session_timeout") == "7s"
        assert answer(connection, "SHOW lock_timeout") == "3s"


def test_the_url_goes_before_the_limits(postgres: Cluster) -> None:
    url = f"{postgres.url}?options=-c%20lock_timeout%3D9s&application_name=mine"
    with connected(GHOSTWIRE_DATABASE__URL=url) as connection:
        assert answer(connection, "SHOW lock_timeout") == "9s"
        assert answer(connection, "SHOW application_name") == "mine"


def test_a_broken_pooled_connection_is_replaced(postgres: Cluster) -> None:
    with connected(GHOSTWIRE_DATABASE__URL=postgres.url, GHOSTWIRE_DATABASE__PROCESSES="64") as connection:
        pid = answer(connection, "SELECT pg_backend_pid()")
        connection.close()
        with psycopg.connect(postgres.url) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [pid])

        assert answer(connection, "SELECT pg_backend_pid()") != pid


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://gw:p%40ss@db.example:5433/wire?sslmode=require",
            {"NAME": "wire", "USER": "gw", "PASSWORD": "p@ss", "HOST": "db.example", "PORT": "5433"},
        ),
        ("postgres://db.example", {"NAME": "ghostwire", "HOST": "db.example"}),
    ],
)
def test_a_url_becomes_settings(url: str, expected: dict[str, str]) -> None:
    config = build(Document(name="x"), read_overrides({"GHOSTWIRE_DATABASE__URL": url})).config
    settings = database_settings(config)

    assert {key: settings[key] for key in expected} == expected
    assert settings["OPTIONS"].get("sslmode") == ("require" if "sslmode" in url else None)
