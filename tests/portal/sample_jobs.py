"""Jobs of the sample network: a plan, one under way, one that is done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from nodes.models import Node
from tests import factories as make


def sample_jobs(network: Any, actor: str, now: datetime) -> dict[str, Any]:
    """By the names that pages ask for them with."""
    ids = list(Node.objects.order_by("pk").values_list("pk", flat=True))
    listed = {"statuses": ["online"], "list": "/admin/nodes/node/?status=online"}
    common: dict[str, Any] = {"network": network, "actor": actor, "selection": listed}
    tags = {"mode": "add", "tags": ["tag:eu"]}
    return {
        "job_plan": make.JobFactory(**common, act="disable", node_ids=ids, total=len(ids), created_at=now),
        "job_tags": make.JobFactory(**common, act="tags", node_ids=ids, total=len(ids), created_at=now),
        "job_running": make.JobFactory(
            **common,
            act="delete",
            node_ids=ids,
            total=48_213,
            position=31_500,
            changed=31_498,
            left=2,
            state="running",
            created_at=now - timedelta(minutes=1),
            started_at=now,
            reasons=[[ids[0], "web-1", "is gone"]],
        ),
        "job_done": make.JobFactory(
            **common,
            act="tags",
            arguments=tags,
            node_ids=ids,
            total=312,
            position=312,
            changed=300,
            left=3,
            state="done",
            created_at=now - timedelta(hours=2),
            ended_at=now - timedelta(hours=2),
            versions=[48213],
            reasons=[[pk, f"build-{pk}", "would have more than 64 tags"] for pk in ids[:3]],
        ),
    }
