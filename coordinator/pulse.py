"""Threads that do the same work again and again, for as long as the process lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog
from django.db import close_old_connections, connections

log = structlog.get_logger(__name__)

STOP_SECONDS: Final = 10.0


class Pulse:
    """One thread. It works every ``seconds``, and at once when it is woken.

    ``work(due)`` is told whether its time has come, or it was only woken. What it raises is logged, the first time
    of several in a row with its traceback, and the next beat tries again with fresh database connections.
    """

    def __init__(self, name: str, work: Callable[[bool], None], seconds: float) -> None:
        self._name = name
        self._work = work
        self._seconds = seconds
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._failures = 0
        self._once_more = True

    def start(self) -> None:
        """Starts the thread; once it runs this does nothing."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._stopping.clear()
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def stop(self, *, once_more: bool = True) -> None:
        """Ends the thread, after it has worked once more."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._once_more = once_more
            self._stopping.set()
            self._wake.set()
            thread.join(STOP_SECONDS)

    def wake(self) -> None:
        """Makes the thread work at once, or once more when it is done."""
        self._wake.set()

    def _run(self) -> None:
        due_at = time.monotonic()
        while not self._stopping.is_set():
            self._wake.wait(max(0.0, due_at - time.monotonic()))
            self._wake.clear()
            began = time.monotonic()
            due = began >= due_at
            if due:
                due_at = began + self._seconds
            if not self._stopping.is_set() or self._once_more:
                self._guarded(due or self._stopping.is_set())
        connections.close_all()

    def _guarded(self, due: bool) -> None:
        close_old_connections()
        try:
            self._work(due)
        except Exception as error:
            self._failures += 1
            if self._failures == 1:
                log.exception("pulse.failed", pulse=self._name)
            else:
                log.warning("pulse.failed", pulse=self._name, times=self._failures, error=repr(error))
        else:
            if due and self._failures:
                log.info("pulse.recovered", pulse=self._name, failures=self._failures)
                self._failures = 0
        finally:
            close_old_connections()
