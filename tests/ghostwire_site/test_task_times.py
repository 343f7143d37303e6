"""Runs of periodic tasks are timed, also those that fail."""

from __future__ import annotations

import pytest
from celery import Celery

from coordinator.metrics import TASK_SECONDS
from ghostwire_site import task_times


def runs(task: str, outcome: str) -> float:
    (found,) = (metric for metric in TASK_SECONDS.collect())
    labels = {"task": task, "outcome": outcome}
    counts = [item.value for item in found.samples if item.name.endswith("_count") and item.labels == labels]
    return counts[0] if counts else 0.0


@pytest.mark.parametrize(("divisor", "outcome"), [(1, "done"), (0, "failed")])
def test_each_run_counts_once_by_its_outcome(divisor: int, outcome: str) -> None:
    def divide() -> float:
        return 1 / divisor

    task = Celery("timed", set_as_current=False).task(name="divide", shared=False)(divide)
    before = runs("divide", outcome)
    task.apply()
    assert runs("divide", outcome) == before + 1
    assert task_times._began == {}
