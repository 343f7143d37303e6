"""Beat falls silent: who notices, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from coordinator.metrics import REGISTRY
from coordinator.task_health import SPARE, TASKS, TaskState, assess_tasks, needs_attention, task_health
from coordinator.tasks import expire
from ghostwire_site.celery import timetable
from nodes.periodic import Run, run_store
from tests.fixtures import START, Clock

SECOND = timedelta(seconds=1)
EVERY = timedelta(seconds=10)
LIMIT = 2 * EVERY + SPARE


def state(run: Run | None, after: timedelta, since: timedelta = timedelta(0)) -> TaskState:
    """What a task that runs every ten seconds is ``after`` START; runs could be noted ``since`` then."""
    runs = {} if run is None else {"t": run}
    [found] = assess_tasks(tasks={"t": EVERY}, runs=runs, since=START + since, now=START + after)
    return found.state


RUN = Run("t", START, 0.1, 0.0)
FAILED = Run("t", START, 0.1, 0.0, 0, "ValueError")


@pytest.mark.parametrize(
    ("run", "after", "expected"),
    [
        (None, timedelta(0), "starting"),
        (None, LIMIT, "starting"),
        (None, LIMIT + SECOND, "silent"),
        (RUN, timedelta(0), "ok"),
        (RUN, LIMIT, "ok"),
        (RUN, LIMIT + SECOND, "silent"),
        (RUN, -timedelta(hours=1), "ok"),
        (FAILED, SECOND, "failed"),
        (FAILED, LIMIT + SECOND, "silent"),
    ],
)
def test_states(run: Run | None, after: timedelta, expected: str) -> None:
    assert state(run, after) == expected


def test_nobody_is_overdue_before_runs_could_be_noted() -> None:
    assert state(None, timedelta(hours=1), since=timedelta(hours=1)) == "starting"


def test_every_task_of_the_timetable_is_watched() -> None:
    assert {name: entry["schedule"] for name, entry in timetable().items()} == dict(TASKS)


@pytest.mark.django_db
def test_a_run_is_good_news_until_beat_falls_silent(clock: Clock) -> None:
    task_health(START)
    expire()
    by_name = {task.task: task for task in task_health(START)}
    assert by_name["coordinator.expire"].state == "ok"
    assert not needs_attention(list(by_name.values()))
    silent = {task.task for task in task_health(START + timedelta(minutes=2)) if task.state == "silent"}
    assert {"coordinator.expire", "nodes.sweep", "acl.write_boundaries"} <= silent
    assert needs_attention(task_health(START + timedelta(minutes=2)))


@pytest.mark.django_db
def test_prometheus_is_told(clock: Clock) -> None:
    task_health(START)
    expire()
    run_store().note(Run("nodes.sweep", START, 0.5, 7.0, 0, "ValueError"))
    clock.advance(seconds=55)

    def value(name: str, task: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(f"ghostwire_task_{name}", {"task": task, **labels})

    assert value("last_run_timestamp_seconds", "coordinator.expire") == START.timestamp()
    assert value("lag_seconds", "nodes.sweep") == 7.0
    assert value("silent", "coordinator.expire") == 1.0
    assert value("silent", "coordinator.remove_ephemeral") == 0.0
    assert value("failed", "nodes.sweep") == 1.0
    assert (value("seconds_count", "coordinator.expire", outcome="done") or 0) >= 1
