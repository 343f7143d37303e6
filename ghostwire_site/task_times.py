"""Times the periodic tasks that this process runs."""

from __future__ import annotations

import time
from typing import Any

from celery.signals import task_postrun, task_prerun

from coordinator.metrics import TASK_SECONDS

_began: dict[str, float] = {}


@task_prerun.connect
def note_start(task_id: str, **_: Any) -> None:
    """Remember when a run began."""
    _began[task_id] = time.perf_counter()


@task_postrun.connect
def note_end(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    """Count the run with its duration, also one that failed."""
    began = _began.pop(task_id, None)
    if began is not None:
        outcome = "done" if state == "SUCCESS" else "failed"
        TASK_SECONDS.labels(task.name, outcome).observe(time.perf_counter() - began)
