"""Whether periodic work goes on: judged from what each task's last run noted, shown to people and to Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

# Naming their tasks is what these imports are for.
import acl.tasks
import coordinator.tasks
import nodes.tasks
import sessions_app.tasks
from coordinator.metrics import REGISTRY, TASK_SECONDS
from nodes.periodic import INTERVALS, Run, run_store, watch_runs

log = structlog.get_logger(__name__)

TASKS: Final[Mapping[str, timedelta]] = {
    **nodes.tasks.SCHEDULE,
    **acl.tasks.SCHEDULE,
    **coordinator.tasks.SCHEDULE,
    **sessions_app.tasks.SCHEDULE,
}
SPARE: Final = timedelta(seconds=30)
"""How late a task may be, beyond two of its intervals, before somebody should look."""


class TaskState(StrEnum):
    """OK; STARTING: not run yet, and not due for long; FAILED: its last run raised; SILENT: its run is overdue."""

    OK = "ok"
    STARTING = "starting"
    FAILED = "failed"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class TaskHealth:
    """How one task does. ``run`` is its last run, None if there was none."""

    task: str
    every: timedelta
    state: TaskState
    run: Run | None


def assess_tasks(
    *, tasks: Mapping[str, timedelta], runs: Mapping[str, Run], since: datetime, now: datetime
) -> list[TaskHealth]:
    """Judges each task at ``now``. ``since``: when runs could be noted first, before which nobody is overdue.

    A clock that went back counts as no time passed.
    """
    found = []
    for name, every in sorted(tasks.items()):
        run = runs.get(name)
        if now - (since if run is None else run.began) > 2 * every + SPARE:
            state = TaskState.SILENT
        elif run is None:
            state = TaskState.STARTING
        else:
            state = TaskState.FAILED if run.error else TaskState.OK
        found.append(TaskHealth(name, every, state, run))
    return found


def task_health(now: datetime) -> list[TaskHealth]:
    """How all tasks of the timetable do, by name. Raises RedisError while the store does not answer."""
    store = run_store()
    return assess_tasks(tasks=TASKS, runs=store.runs(), since=store.since(now), now=now)


def needs_attention(tasks: list[TaskHealth]) -> bool:
    """Whether somebody should look: a task is overdue, or failed."""
    return any(task.state in (TaskState.SILENT, TaskState.FAILED) for task in tasks)


class Tasks(Collector):
    """The last runs of all tasks in whichever process, as the shared store knows them."""

    def collect(self) -> Iterator[Metric]:
        """Reads the store once; while it does not answer nothing is told, and the alert is for missing values."""
        began = _family("ghostwire_task_last_run_timestamp_seconds", "When the task last began.")
        seconds = _family("ghostwire_task_last_run_seconds", "How long its last run took.")
        lag = _family("ghostwire_task_lag_seconds", "How late its last run began.")
        silent = _family("ghostwire_task_silent", "1 if the task is overdue.")
        failed = _family("ghostwire_task_failed", "1 if its last run failed.")
        for task in _known():
            labels = (task.task,)
            silent.add_metric(labels, task.state is TaskState.SILENT)
            if task.run is not None:
                began.add_metric(labels, task.run.began.timestamp())
                seconds.add_metric(labels, task.run.seconds)
                lag.add_metric(labels, task.run.lag_seconds)
                failed.add_metric(labels, bool(task.run.error))
        yield from (began, seconds, lag, silent, failed)


def watch_tasks() -> None:
    """Measures the runs of this process from now on."""
    watch_runs("metrics", _observe)


REGISTRY.register(Tasks())


def _observe(run: Run) -> None:
    if run.task in INTERVALS:
        TASK_SECONDS.labels(run.task, "failed" if run.error else "done").observe(run.seconds)


def _known() -> list[TaskHealth]:
    try:
        return task_health(timezone.now())
    except RedisError as error:
        log.warning("tasks.store_unavailable", error=str(error))
        return []


def _family(name: str, help_text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, labels=("task",))
