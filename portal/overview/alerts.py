"""What is wrong with the portal itself, as far as the worker that answers can tell: what ``alerts.yml`` watches too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from redis.exceptions import RedisError

from coordinator.replica import REPLICAS
from coordinator.samples import Series
from coordinator.tail import TAIL
from coordinator.task_health import TaskState, task_health
from nodes import hints
from nodes.models import Network
from portal import html, links
from portal.live import store_answers
from portal.pools import PoolUse

MOST_TASKS: Final = 3
ERRORS_A_SECOND: Final = 0.1
ERROR_MINUTES: Final = 5
FULL_AT: Final = 95.0


@dataclass(frozen=True, slots=True)
class Alert:
    """Somebody should look now. ``link``: a word and an address, where there is one that helps."""

    title: str
    text: str
    link: tuple[str, str] | None = None


def alerts_of(network: Network, pools: list[PoolUse], hour: Series, now: datetime) -> list[Alert]:
    """All that holds now."""
    return [*_tasks(now), *_stores(now), *_replica(network), *_errors(hour), *_pools(pools)]


def _tasks(now: datetime) -> Iterator[Alert]:
    try:
        tasks = task_health(now)
    except RedisError:
        yield Alert("Redis does not answer", "Workers do not hear each other, and nobody knows whether tasks run.")
        return
    silent = [task for task in tasks if task.state is TaskState.SILENT]
    failed = [task for task in tasks if task.state is TaskState.FAILED]
    if silent and len(silent) > len(tasks) // 2:
        yield Alert(
            "Periodic tasks do not run", f"{len(silent)} of {len(tasks)} are overdue: is the beat process there?"
        )
        silent = []
    for task in [*silent, *failed][:MOST_TASKS]:
        if task.state is TaskState.SILENT:
            yield Alert(f"Task {task.task} is overdue", f"It should run every {html.span_words(task.every)}.")
        elif task.run is not None:
            yield Alert(f"Task {task.task} failed", f"{task.run.error}, {html.span_words(now - task.run.began)} ago.")


def _stores(now: datetime) -> Iterator[Alert]:
    if not store_answers(now):
        yield Alert(
            "Heartbeats cannot be read", "The presence store does not answer: states are as peers were last told."
        )
    line = hints.process_line()
    if line is not None and line.is_away:
        yield Alert(
            "Workers do not hear each other", "Changes reach agents of other workers a second later than usual."
        )


def _replica(network: Network) -> Iterator[Alert]:
    state = REPLICAS.of(network.pk).state
    if state is None or TAIL.is_fresh(network.pk):
        return
    behind = network.map_version - state.version
    if behind > 0:
        yield Alert(f"This worker is {html.many(behind, 'version')} behind", "Its agents do not get changes.")


def _errors(hour: Series) -> Iterator[Alert]:
    recent = [value for value in hour.values["errors"][-1 - ERROR_MINUTES : -1] if value is not None]
    a_second = sum(recent) / (60 * ERROR_MINUTES)
    if a_second > ERRORS_A_SECOND:
        yield Alert(f"{a_second:.1f} errors a second", "Requests are answered with an error of the portal's own.")


def _pools(pools: list[PoolUse]) -> Iterator[Alert]:
    for pool in pools:
        if pool.share >= FULL_AT:
            text = f"{pool.words} are taken. Machines are refused once none is left."
            where = links.list_url("nodes.network")
            yield Alert(f"{pool.range} is nearly full", text, ("Settings", where) if where else None)
