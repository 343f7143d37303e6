"""Periodic tasks: one run of each at a time, and a note of every run where all processes can read it.

Tasks are written so that a doubled, missed or late run does no harm. The lock saves work and is no more than that: it
ends by itself soon after its worker died, and while its store does not answer tasks run without it.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from typing import Any, Final, Protocol, TypeVar

import structlog
from celery import shared_task
from django.conf import settings
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from nodes.shared_redis import redis_client

log = structlog.get_logger(__name__)

Item = TypeVar("Item")

LOCK_SECONDS: Final = 60.0
RUNS_KEY: Final = "ghostwire:tasks:runs"
SINCE_KEY: Final = "ghostwire:tasks:since"
LOCK_KEY: Final = "ghostwire:tasks:lock:"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a task. ``lag_seconds``: how late it began, against the run before. ``did``: how much it did.

    ``error`` is the class of what it raised, and empty for a run that was done.
    """

    task: str
    began: datetime
    seconds: float
    lag_seconds: float
    did: int = 0
    error: str = ""


class RunStore(Protocol):
    """What all processes know of tasks. ``since`` is when it was first asked."""

    def hold(self, task: str) -> str | None:
        """Takes the task's lock for ``LOCK_SECONDS`` at most: a token to let go with; None if another holds it."""

    def let_go(self, task: str, token: str) -> None:
        """Ends a lock, if it is still this one."""

    def note(self, run: Run) -> None:
        """Keeps the latest run of its task."""

    def runs(self) -> dict[str, Run]:
        """The latest run of each task that ever ran."""

    def since(self, now: datetime) -> datetime:
        """When this store began to listen; ``now`` if that was never."""


class MemoryRuns:
    """For one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}
        self._runs: dict[str, Run] = {}
        self._since: datetime | None = None
        self._lock = threading.Lock()

    def hold(self, task: str) -> str | None:
        with self._lock:
            held = self._held.get(task)
            if held is not None and held[1] > self._clock():
                return None
            token = secrets.token_hex(8)
            self._held[task] = (token, self._clock() + LOCK_SECONDS)
            return token

    def let_go(self, task: str, token: str) -> None:
        with self._lock:
            if self._held.get(task, ("", 0.0))[0] == token:
                del self._held[task]

    def note(self, run: Run) -> None:
        with self._lock:
            self._runs[run.task] = run

    def runs(self) -> dict[str, Run]:
        with self._lock:
            return dict(self._runs)

    def since(self, now: datetime) -> datetime:
        with self._lock:
            if self._since is None:
                self._since = now
            return self._since


class RedisRuns:
    """For several processes. Its errors are redis-py's."""

    LET_GO = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._let_go = client.register_script(self.LET_GO)

    def hold(self, task: str) -> str | None:
        token = secrets.token_hex(8)
        return token if self._redis.set(LOCK_KEY + task, token, nx=True, px=int(LOCK_SECONDS * 1000)) else None

    def let_go(self, task: str, token: str) -> None:
        self._let_go(keys=[LOCK_KEY + task], args=[token])

    def note(self, run: Run) -> None:
        self._redis.hset(RUNS_KEY, run.task, json.dumps(asdict(run) | {"began": run.began.timestamp()}))

    def runs(self) -> dict[str, Run]:
        found: dict[Any, Any] = self._redis.hgetall(RUNS_KEY)
        runs = [json.loads(text) for text in found.values()]
        return {run["task"]: Run(**run | {"began": datetime.fromtimestamp(run["began"], UTC)}) for run in runs}

    def since(self, now: datetime) -> datetime:
        self._redis.set(SINCE_KEY, now.timestamp(), nx=True)
        value: Any = self._redis.get(SINCE_KEY)
        return now if value is None else datetime.fromtimestamp(float(value), UTC)


@cache
def run_store() -> RunStore:
    """The installation's store: Redis where the configuration names one, else this process."""
    url = settings.GHOSTWIRE.redis.url
    if url is None:
        return MemoryRuns()
    return RedisRuns(redis_client(url))


Observer = Callable[[Run], None]
_observers: dict[str, Observer] = {}
INTERVALS: Final[dict[str, timedelta]] = {}
"""How often each task runs, by name: of the modules of tasks that were imported."""


def watch_runs(name: str, observer: Observer) -> None:
    """Calls ``observer`` after every run in this process; an earlier one of this name no more. It must not raise."""
    _observers[name] = observer


def for_each(items: Iterable[Item], work: Callable[[Item], int]) -> int:
    """Does ``work`` for every item and returns how much was done. An item that fails holds up no other: the first error
    is raised when all had their turn."""
    did = 0
    errors: list[Exception] = []
    for item in items:
        try:
            did += work(item)
        except Exception as error:  # noqa: BLE001 - raised below
            log.warning("tasks.item_failed", item=str(item), error=repr(error))
            errors.append(error)
    if errors:
        raise errors[0]
    return did


def periodic(name: str, *, every: timedelta) -> Callable[[Callable[[], int]], Callable[[], int]]:
    """Makes a function a Celery task that runs by the timetable. It returns how much it did.

    A run while another is at it does nothing and returns 0. What the function raises is noted, and raised.
    """

    def decorate(function: Callable[[], int]) -> Callable[[], int]:
        @wraps(function)
        def run() -> int:
            token = _hold(name)
            if token is None:
                return 0
            try:
                return _measured(name, every, function)
            finally:
                _let_go(name, token)

        INTERVALS[name] = every
        task: Callable[[], int] = shared_task(name=name)(run)
        return task

    return decorate


def _measured(name: str, every: timedelta, function: Callable[[], int]) -> int:
    began, start = timezone.now(), time.perf_counter()
    lag = _lag(name, every, began)
    did, error = 0, ""
    try:
        did = function()
    except Exception as fault:
        error = type(fault).__name__
        raise
    finally:
        run = Run(name, began, time.perf_counter() - start, lag, did, error)
        _guarded(lambda: run_store().note(run), None)
        for observer in list(_observers.values()):
            observer(run)
    return did


def _lag(name: str, every: timedelta, began: datetime) -> float:
    before = _guarded(lambda: run_store().runs().get(name), None)
    return 0.0 if before is None else max(0.0, (began - before.began - every).total_seconds())


def _hold(name: str) -> str | None:
    token: str | None = _guarded(lambda: run_store().hold(name), "")
    return token


def _let_go(name: str, token: str) -> None:
    if token:
        _guarded(lambda: run_store().let_go(name, token), None)


def _guarded(call: Callable[[], Any], otherwise: Any) -> Any:
    """What ``call`` returns; ``otherwise`` while Redis does not answer, which is no reason not to work."""
    try:
        return call()
    except RedisError as error:
        log.warning("tasks.store_unavailable", error=str(error))
        return otherwise
