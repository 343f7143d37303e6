"""For whoever watches over the process: does it live, and can it serve?"""

from __future__ import annotations

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

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
