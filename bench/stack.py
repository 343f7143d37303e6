"""A private PostgreSQL and Redis for benches of several workers."""

# ruff: noqa: PLC0415 - what starts services is imported by those benches alone that need some

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from bench.children import psql


@contextmanager
def stack_environment(folder: str) -> Iterator[dict[str, str]]:
    """What the processes of a portal see whose data is in ``folder``, with an empty database of its own."""
    from tests.services.postgres import session_cluster
    from tests.services.redis import session_redis

    cluster, name = session_cluster(), f"stack_{os.getpid()}"
    psql(cluster, f"CREATE DATABASE {name}")
    try:
        yield os.environ | {
            "DJANGO_SETTINGS_MODULE": "ghostwire_site.settings",
            "GHOSTWIRE_CONFIG": os.devnull,
            "GHOSTWIRE_SERVER__DATA_DIR": folder,
            "GHOSTWIRE_LOGGING__LEVEL": "ERROR",
            "GHOSTWIRE_DATABASE__URL": cluster.url_of(name),
            "GHOSTWIRE_DATABASE__PROCESSES": "4",
            "GHOSTWIRE_REDIS__URL": session_redis().url,
        }
    finally:
        psql(cluster, f"DROP DATABASE {name} WITH (FORCE)")
