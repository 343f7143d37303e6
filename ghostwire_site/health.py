"""For whoever watches over the process: does it live, can it serve, and does all its work go on?"""

from __future__ import annotations

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from coordinator.task_health import task_health

log = structlog.get_logger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process answers at all: a supervisor restarts it otherwise."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 where database and Redis answer, else 503 naming what does not: a balancer sends no one here then."""
    failing = [name for name, check in (("database", _database), ("redis", _redis)) if not check()]
    if failing:
        return JsonResponse({"status": "unavailable", "failing": failing}, status=503, headers={"Retry-After": "5"})
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 where everything does its work, else 503 naming what does not: for alerts, not for a balancer.

    Beside database and Redis it names periodic tasks that are overdue or failed; while all are silent, so is beat.
    """
    failing = [name for name, check in (("database", _database), ("redis", _redis)) if not check()]
    tasks = _tasks()
    failing += [f"task {name}: {state}" for name, state in tasks.items() if state in ("silent", "failed")]
    if failing:
        body = {"status": "degraded", "failing": failing, "tasks": tasks}
        return JsonResponse(body, status=503, headers={"Retry-After": "30"})
    return JsonResponse({"status": "ok", "tasks": tasks})


def _tasks() -> dict[str, str]:
    """The state of each periodic task; none while the store does not answer, which is told as Redis' fault."""
    try:
        return {task.task: task.state.value for task in task_health(timezone.now())}
    except RedisError as error:
        log.warning("health.tasks_unknown", error=str(error))
        return {}


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except DatabaseError as error:
        log.warning("readyz.database_unavailable", error=str(error))
        return False


def _redis() -> bool:
    if settings.GHOSTWIRE.redis.url is None:
        return True
    try:
        cache.get("readyz")
    except RedisError as error:
        log.warning("readyz.redis_unavailable", error=str(error))
        return False
    return True
