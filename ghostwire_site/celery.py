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
from typing import Any

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ghostwire_site.settings")

ROOMS = ("nodes", "acl", "sessions_app", "coordinator", "portal")


def configuration(redis_url: str | None) -> dict[str, Any]:
    """Make Celery's settings: Redis as the broker where there is one, else this process's memory."""
    return {
        "broker_url": redis_url or "memory://",
        "broker_connection_retry_on_startup": True,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_acks_late": True,
        "task_default_queue": "ghostwire",
        "task_time_limit": None,
        "worker_prefetch_multiplier": 1,
        "worker_enable_remote_control": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
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
