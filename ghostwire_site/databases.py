"""Django's database settings, from the section ``database`` of the configuration."""

from __future__ import annotations

from typing import Any

from psycopg.conninfo import conninfo_to_dict

from ghostwire_site.config import Config

BUSY_TIMEOUT_SECONDS = 20
"""How long a writer on SQLite waits for its turn before it gives up."""
POOL_TIMEOUT_SECONDS = 10
"""PostgreSQL: how long to wait for a connection of the pool before the database counts as away."""
PREPARE_AFTER = 3
"""PostgreSQL: how often a connection sees a query before it keeps it prepared."""
RECONNECT_SECONDS = 5
"""PostgreSQL: how long the pool tries to replace a connection by itself. It doubles its pauses meanwhile, so that after
an outage of a minute the next try could be a minute away; once it has given up, the next query makes it try at once."""
_NOTICE_A_DEAD_SERVER = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A server that vanished without a word (seconds, and milliseconds for the last): by default TCP waits for hours."""
_NAMES = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def database_settings(config: Config) -> dict[str, Any]:
    """Make the entry ``default`` of Django's DATABASES."""
    return _postgresql(config) if config.database.url else _sqlite(config)


def _sqlite(config: Config) -> dict[str, Any]:
    """Durable SQLite. Writers take their lock at once (BEGIN IMMEDIATE): a lock taken midway fails without waiting."""
    journal = "WAL" if config.database.parallel_writes else "DELETE"
    pragmas = (
        f"PRAGMA journal_mode={journal}",
        "PRAGMA synchronous=FULL",  # what was acknowledged survives a power cut
        f"PRAGMA cache_size=-{config.database.cache_size // 1024}",  # negative: KiB, most pages of one connection
        "PRAGMA temp_store=MEMORY",
    )
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": config.sqlite_path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": BUSY_TIMEOUT_SECONDS,
            "init_command": ";".join(pragmas),
        },
    }


def _postgresql(config: Config) -> dict[str, Any]:
    """PostgreSQL with a pool in each process, checked connections, and statements prepared on the server.

    What the url says of a connection goes before what stands here.
    """
    parts = conninfo_to_dict(str(config.database.url))
    settings: dict[str, Any] = {
        setting: str(parts.pop(part)) for part, setting in _NAMES.items() if parts.get(part) is not None
    }
    size = config.database.pool_size
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "ghostwire",
        **settings,
        "CONN_HEALTH_CHECKS": True,  # of the pool: a connection is tried before it is given out
        "OPTIONS": {
            "application_name": "ghostwire",
            **_NOTICE_A_DEAD_SERVER,
            "options": _limits(config),
            **parts,
            # Queries reach the server with their parameters apart, so that a repeated one is found prepared.
            "server_side_binding": True,
            "prepare_threshold": PREPARE_AFTER,
            "pool": {
                "min_size": min(2, size),
                "max_size": size,
                "timeout": POOL_TIMEOUT_SECONDS,
                "reconnect_timeout": RECONNECT_SECONDS,
            },
        },
    }


def _limits(config: Config) -> str:
    """What a statement, a wait for a lock and a transaction that idles may take at most, as the server reads it."""
    statement = round(config.database.statement_timeout.total_seconds() * 1000)
    lock = round(config.database.lock_timeout.total_seconds() * 1000)
    limits = {
        "statement_timeout": statement,
        "lock_timeout": lock,
        "idle_in_transaction_session_timeout": statement,
    }
    return " ".join(f"-c {name}={milliseconds}" for name, milliseconds in limits.items())
