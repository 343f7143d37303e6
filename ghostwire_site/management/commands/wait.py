"""``manage.py wait``: for a process of a stack, until the rest of the stack is there."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections
from redis import Redis
from redis.exceptions import RedisError

from ghostwire_site.runner.installation import NotPreparedError, check_prepared

PAUSE_SECONDS: Final = 1.0


class Command(BaseCommand):
    """Waits for database, Redis and ``manage.py prepare``."""

    help = "Wait until database and Redis answer and the installation was prepared (manage.py prepare)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option."""
        parser.add_argument("--seconds", type=float, default=600.0, help="Give up after this time (600).")

    def handle(self, *args: Any, seconds: float, **options: Any) -> None:
        """Wait."""
        deadline = time.monotonic() + seconds
        told = None
        while (lacking := missing()) is not None:
            if time.monotonic() > deadline:
                raise CommandError(f"After {seconds:g} seconds still: {lacking}")
            if lacking != told:
                self.stderr.write(f"Waiting: {lacking}")
                told = lacking
            time.sleep(PAUSE_SECONDS)


def missing() -> str | None:
    """Say what is not there yet; None if everything is."""
    checks: tuple[Callable[[], str | None], ...] = (_database, _redis)
    return next((lacking for lacking in (check() for check in checks) if lacking), None)


def _database() -> str | None:
    try:
        check_prepared()
    except NotPreparedError as error:
        return str(error)
    except DatabaseError as error:
        connections.close_all()
        return f"the database does not answer: {str(error).strip()}"
    return None


def _redis() -> str | None:
    url = settings.GHOSTWIRE.redis.url
    if url is None:
        return None
    try:
        with Redis.from_url(str(url), socket_connect_timeout=3, socket_timeout=3) as client:
            client.ping()
    except RedisError as error:
        return f"Redis does not answer: {error}"
    return None
