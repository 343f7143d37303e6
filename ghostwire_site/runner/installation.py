"""Brings an installation up to date: static files, database, network, the first person and key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.migrations.executor import MigrationExecutor

from ghostwire_site.config import Config
from ghostwire_site.runner.first_run import Welcome, prepare

ADVISORY_LOCK: Final = 0x6768_6F73  # "ghos"
"""PostgreSQL: held while an installation is brought up to date. Containers of a stack may all try at once."""


class NotPreparedError(Exception):
    """The database lacks migrations that this version needs."""


def bring_up(*, config: Config, now: datetime) -> Welcome:
    """Migrate the database and make what is missing; harmless when repeated, and when several do it at once."""
    with _alone():
        call_command("migrate", interactive=False, verbosity=0)
        welcome = prepare(config=config, now=now)
    connections.close_all()
    return welcome


def check_prepared() -> None:
    """Make sure that the database is as this version needs it.

    Raises:
        NotPreparedError: ``bring_up`` was not done.
    """
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    lacking = executor.migration_plan(executor.loader.graph.leaf_nodes())
    connections.close_all()
    if lacking:
        raise NotPreparedError(f"The database lacks {len(lacking)} migrations: run manage.py prepare first.")


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the installation, with all the time that migrations may take.

    The connection ends with it, and with the connection the lock and the lifted limits.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SET {limit} = 0")
        cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
    try:
        yield
    finally:
        if connection.connection is not None:
            connection.connection.close()
        connection.close()
