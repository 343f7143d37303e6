"""How the portal does: its networks in numbers, and whether its periodic work goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Count, Q
from redis.exceptions import RedisError

from coordinator.admin_api.serializers.status import describe_task
from coordinator.task_health import TaskHealth, needs_attention, task_health
from nodes.models import Network

log = structlog.get_logger(__name__)


def portal_status(*, now: datetime) -> dict[str, Any]:
    """The status as ``StatusOut`` takes it. Without an answer of the store, tasks are None and the state degraded."""
    tasks: list[TaskHealth] | None
    try:
        tasks = task_health(now)
    except RedisError as error:
        log.warning("tasks.store_unavailable", error=str(error))
        tasks = None
    return {
        "state": "degraded" if tasks is None or needs_attention(tasks) else "ok",
        "version": settings.GHOSTWIRE_VERSION,
        "server_time": now,
        "networks": network_numbers(),
        "tasks": None if tasks is None else [describe_task(task) for task in tasks],
    }


def network_numbers() -> list[dict[str, Any]]:
    """Each network in numbers, in one query."""
    rows = Network.objects.annotate(
        node_count=Count("nodes"), online_count=Count("nodes", filter=Q(nodes__online=True))
    )
    return [
        {
            "name": row.name,
            "map_version": row.map_version,
            "policy_version": row.policy_version,
            "nodes": row.node_count,
            "online": row.online_count,
        }
        for row in rows.order_by("name")
    ]
