"""The health check of worker and beat: ends with 1 while a periodic task is overdue, wherever the fault lies."""

from __future__ import annotations

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ghostwire_site.settings")
django.setup()

from django.utils import timezone  # noqa: E402
from redis.exceptions import RedisError  # noqa: E402

from coordinator.task_health import TaskState, task_health  # noqa: E402

try:
    silent = [task.task for task in task_health(timezone.now()) if task.state is TaskState.SILENT]
except RedisError as error:
    sys.exit(f"Redis does not answer: {error}")
sys.exit(f"overdue: {', '.join(silent)}" if silent else 0)
