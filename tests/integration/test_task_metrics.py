"""Celery's worker and beat tell what they count, each at an address of its own."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.services.many import ManyProcesses
from tests.services.processes import wait_until

pytestmark = pytest.mark.timeout(400)


def told(stack: ManyProcesses, role: str) -> str:
    answer = httpx.get(f"http://127.0.0.1:{stack.metrics_ports[role]}/metrics")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize(
    "pattern",
    [
        r'^ghostwire_task_seconds_count\{outcome="done",task="[a-z_.]+"\} [1-9]',
        r'^ghostwire_database_query_seconds_count\{kind="read"\} [1-9]',
    ],
)
def test_a_worker_tells_of_its_tasks_and_statements(stack: ManyProcesses, pattern: str) -> None:
    found = re.compile(pattern, re.MULTILINE).search
    wait_until(lambda: found(told(stack, "worker")) is not None, seconds=60, what=pattern)


def test_a_beat_tells_that_it_is_there(stack: ManyProcesses) -> None:
    assert "process_start_time_seconds" in told(stack, "beat")
