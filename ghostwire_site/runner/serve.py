"""Puts the one process together: lock, migrations, first run, server, tasks."""

from __future__ import annotations

from ghostwire_site.runner.server import PortalServer  # isort: skip - it must come first: it chooses Twisted's reactor

import asyncio
import os
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from coordinator.tail import TAIL
from ghostwire_site.celery import app as celery_app
from ghostwire_site.logs import log_uncaught_exceptions
from ghostwire_site.runner.background import BackgroundTasks
from ghostwire_site.runner.first_run import prepare
from ghostwire_site.runner.lock import instance_lock
from ghostwire_site.runner.statics import collect_if_stale
from ghostwire_site.runner.welcome import welcome_text

log = structlog.get_logger(__name__)


def serve(*, write: Callable[[str], Any]) -> None:
    """Serve until told to stop; ``write`` takes what the person at the terminal should read.

    Raises:
        AlreadyRunningError: another process serves this data directory.
        PortInUseError: the address cannot be listened on.
        SystemExit: with code 1, when a part that the server needs ended by itself.
    """
    log_uncaught_exceptions()
    os.umask(0o077)  # what is made from here on, the database among it, is for this user alone
    config = settings.GHOSTWIRE
    with instance_lock(config.server.data_dir):
        collect_if_stale()  # before the application is made: it reads the list of files once
        from ghostwire_site.asgi import application  # noqa: PLC0415

        server = PortalServer(application, config.server.listen_addr)
        server.listen()
        call_command("migrate", interactive=False, verbosity=0)
        write(welcome_text(config, prepare(config=config, now=timezone.now())))
        connections.close_all()
        tasks = BackgroundTasks(celery_app, on_failure=server.fail)

        async def on_start() -> None:
            tasks.start()
            TAIL.start()
            log.info("server.started", address=str(config.server.listen_addr))

        async def on_stop() -> None:
            await asyncio.to_thread(tasks.stop)
            await asyncio.to_thread(TAIL.stop)
            await asyncio.to_thread(connections.close_all)

        server.run(on_start=on_start, on_stop=on_stop)
    if server.failed:
        raise SystemExit(1)
