"""Periodic tasks within the one process: a Celery worker and its beat, each in a thread, on the memory broker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import structlog
from celery import Celery
from celery.beat import Scheduler
from celery.beat import Service as BeatService
from celery.worker import WorkController

log = structlog.get_logger(__name__)

THREADS: Final = 2
STOP_SECONDS: Final = 20.0


class BackgroundTasks:
    """The worker and the beat of one Celery application, from ``start`` to ``stop``."""

    def __init__(self, app: Celery, *, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure
        self._stopping = threading.Event()
        self._worker = WorkController(
            app=app,
            pool_cls="threads",
            concurrency=THREADS,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            hostname="ghostwire@localhost",
        )
        self._beat = BeatService(app, scheduler_cls=Scheduler, max_interval=1)
        self._threads = [
            threading.Thread(target=self._guarded, args=(name, run), name=f"celery-{name}", daemon=True)
            for name, run in (("worker", self._worker.start), ("beat", self._beat.start))
        ]

    def start(self) -> None:
        """Begin to run tasks as the timetable says."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Start no more tasks, and wait until those under way are done."""
        self._stopping.set()
        self._beat.stop()
        self._worker.stop()
        for thread in self._threads:
            thread.join(STOP_SECONDS)
            if thread.is_alive():
                log.error("tasks.did_not_end", thread=thread.name, seconds=STOP_SECONDS)

    def _guarded(self, name: str, run: Callable[[], object]) -> None:
        """Run a part; a part that ends by itself would leave a portal that looks well and does half its work."""
        try:
            run()
        except BaseException:
            log.critical("tasks.failed", part=name, exc_info=True)
        if not self._stopping.is_set():
            log.critical("tasks.ended", part=name)
            self._on_failure()
