"""The Celery application, and when each periodic task runs.

An app's ``tasks`` module may hold ``SCHEDULE: Mapping[str, timedelta]``: the name of a task and how often it runs.
The timetable below is made of all of them. Tasks are written so that a missed or doubled run does no harm.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from logging.config import dictConfig
from typing import Any

import structlog
from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init, worker_ready, worker_shutdown
from django.conf import settings

from ghostwire_site import task_times  # noqa: F401 - it listens from here on

log = structlog.get_logger(__name__)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ghostwire_site.settings")

WORKER_THREADS = 4
_REDIS_OPTIONS = {
    "socket_timeout": 15,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
"""A Redis that vanished without a word must not hold a worker for good."""
ROOMS = ("nodes", "acl", "sessions_app", "coordinator", "portal")


def configuration(redis_url: str | None) -> dict[str, Any]:
    """Make Celery's settings: Redis as the broker where there is one, else this process's memory."""
    return {
        "broker_url": redis_url or "memory://",
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # an outage of any length ends with Redis' return
        "broker_transport_options": _REDIS_OPTIONS if redis_url else {},
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_acks_late": True,
        "task_default_queue": "ghostwire",
        "task_time_limit": None,
        "worker_prefetch_multiplier": 1,
        # Tasks wait for the database: threads of one process share its pool of connections.
        "worker_pool": "threads",
        "worker_concurrency": WORKER_THREADS,
        "worker_enable_remote_control": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        # Runs of the past mean nothing, so there is no file that would have to be kept.
        "beat_scheduler": "ghostwire_site.beat:OneBeat",
        "beat_max_loop_interval": 1,
        "enable_utc": True,
        "timezone": "UTC",
    }


def timetable() -> dict[str, Any]:
    """Collect the rooms' schedules. A run that did not start before the next one is due is dropped, not piled up."""
    entries: dict[str, Any] = {}
    for room in ROOMS:
        if find_spec(f"{room}.tasks") is None:
            continue
        schedule: Mapping[str, timedelta] = getattr(import_module(f"{room}.tasks"), "SCHEDULE", {})
        for name, every in schedule.items():
            entries[name] = {"task": name, "schedule": every, "options": {"expires": every.total_seconds()}}
    return entries


app = Celery("ghostwire")
app.conf.update(configuration(str(settings.GHOSTWIRE.redis.url) if settings.GHOSTWIRE.redis.url else None))
app.autodiscover_tasks()


@app.on_after_finalize.connect
def _set_timetable(sender: Celery, **_: Any) -> None:
    sender.conf.beat_schedule = timetable()


@setup_logging.connect
def _log_as_configured(**_: Any) -> None:
    """Keep Celery from handlers of its own: the product's mask keys and tokens."""
    dictConfig(settings.LOGGING)


@worker_ready.connect
def _say_that_the_worker_is_ready(**_: Any) -> None:
    log.info("worker.ready")


@worker_shutdown.connect
def _say_that_the_worker_stopped(**_: Any) -> None:
    log.info("worker.stopped")


@beat_init.connect
def _say_that_beat_is_ready(**_: Any) -> None:
    log.info("beat.ready")


@worker_init.connect
@beat_init.connect
def _serve_metrics(sender: Any, **_: Any) -> None:
    """Only in processes of Celery's own commands: those that run tasks within a portal serve its metrics."""
    from celery.apps.worker import Worker  # noqa: PLC0415 - the portal needs neither

    from ghostwire_site.beat import OneBeat  # noqa: PLC0415
    from ghostwire_site.task_metrics import serve_metrics  # noqa: PLC0415

    address = settings.GHOSTWIRE.metrics.tasks_addr
    if address is not None and (isinstance(sender, Worker) or isinstance(getattr(sender, "scheduler", None), OneBeat)):
        serve_metrics(address)
