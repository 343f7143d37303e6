"""Puts a portal process together: lock, migrations, first run, server, tasks."""

from __future__ import annotations

from ghostwire_site.runner.server import PortalServer  # isort: skip - it must come first: it chooses Twisted's reactor

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone

from coordinator.tail import TAIL
from ghostwire_site.celery import app as celery_app
from ghostwire_site.config import Config
from ghostwire_site.lifespan import hand_on
from ghostwire_site.logs import log_uncaught_exceptions
from ghostwire_site.runner.background import BackgroundTasks
from ghostwire_site.runner.installation import bring_up, check_prepared
from ghostwire_site.runner.lock import instance_lock
from ghostwire_site.runner.statics import collect_if_stale
from ghostwire_site.runner.welcome import welcome_text

log = structlog.get_logger(__name__)


class NotSharedError(Exception):
    """Several processes were asked for, and there is nothing through which they could share what they know."""


def serve(*, write: Callable[[str], Any]) -> None:
    """Serve until told to stop; ``write`` takes what the person at the terminal should read.

    Raises:
        AlreadyRunningError: another process serves this data directory.
        PortInUseError: the address cannot be listened on.
        SystemExit: with code 1, when a part that the server needs ended by itself.
    """
    config = settings.GHOSTWIRE
    with _process(), instance_lock(config.server.data_dir):
        collect_if_stale()  # before the application is made: it reads the list of files once
        server = _listening(config)
        write(welcome_text(config, bring_up(config=config, now=timezone.now())))
        _run(server, BackgroundTasks(celery_app, on_failure=server.fail))


def serve_beside_others() -> None:
    """Serve as one of several processes, of which others run the periodic tasks, until told to stop.

    Raises:
        NotSharedError: PostgreSQL or Redis is not configured.
        NotPreparedError: ``manage.py prepare`` was not run.
        PortInUseError: the address cannot be listened on.
    """
    config = settings.GHOSTWIRE
    if not config.database.url or not config.redis.url:
        raise NotSharedError("Several processes share PostgreSQL and Redis: set database.url and redis.url.")
    with _process():
        check_prepared()
        _run(_listening(config), None)


@contextmanager
def _process() -> Iterator[None]:
    log_uncaught_exceptions()
    os.umask(0o077)  # what is made from here on, the database among it, is for this user alone
    yield


def _listening(config: Config) -> PortalServer:
    from ghostwire_site.asgi import application  # noqa: PLC0415 - static files are collected before

    server = PortalServer(application, config.server.listen_addr)
    server.listen()
    return server


def _run(server: PortalServer, tasks: BackgroundTasks | None) -> None:
    async def on_start() -> None:
        if tasks is not None:
            tasks.start()
        TAIL.start()
        log.info("server.started", address=str(server.address))

    async def on_stop() -> None:
        if tasks is not None:
            await asyncio.to_thread(tasks.stop)
        await hand_on()

    server.run(on_start=on_start, on_stop=on_stop)
    if server.failed:
        raise SystemExit(1)
