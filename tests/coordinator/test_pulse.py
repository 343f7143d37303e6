"""Threads that do the same work again and again."""

from __future__ import annotations

import threading

import pytest

from coordinator import pulse as module
from coordinator.pulse import Pulse
from tests.services.processes import wait_until

PATIENCE = 30.0
NEVER = 3600.0


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads of these tests have none."""
    monkeypatch.setattr(module, "close_old_connections", lambda: None)


def test_it_works_when_its_time_comes() -> None:
    done: list[bool] = []
    pulse = Pulse("test", done.append, 0.01)
    pulse.start()
    wait_until(lambda: len(done) >= 3, seconds=PATIENCE, what="three beats")
    pulse.stop()
    assert all(done)


def test_it_works_at_once_when_woken() -> None:
    done: list[bool] = []
    pulse = Pulse("test", done.append, NEVER)
    pulse.start()
    wait_until(lambda: done == [True], seconds=PATIENCE, what="the first beat")
    pulse.wake()
    wait_until(lambda: done == [True, False], seconds=PATIENCE, what="the beat between")
    pulse.stop(once_more=False)
    assert done == [True, False]


def test_it_works_once_more_at_its_end() -> None:
    done: list[bool] = []
    pulse = Pulse("test", done.append, NEVER)
    pulse.start()
    wait_until(lambda: done == [True], seconds=PATIENCE, what="the first beat")
    pulse.stop()
    assert done == [True, True]


def test_being_woken_does_not_put_its_time_off() -> None:
    done: list[bool] = []
    pulse = Pulse("test", done.append, 0.05)
    pulse.start()

    def due() -> bool:
        pulse.wake()
        return done.count(True) >= 3

    wait_until(due, seconds=PATIENCE, what="beats whose time has come")
    pulse.stop()


def test_it_outlives_what_its_work_raises() -> None:
    tried = threading.Event()
    done: list[bool] = []

    def work(due: bool) -> None:
        if not tried.is_set():
            tried.set()
            raise ValueError("broken")
        done.append(due)

    pulse = Pulse("test", work, 0.01)
    pulse.start()
    wait_until(lambda: bool(done), seconds=PATIENCE, what="a beat after the failure")
    pulse.stop()


def test_a_traceback_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    class Log:
        def exception(self, event: str, **_: object) -> None:
            said.append("traceback")

        def warning(self, event: str, **_: object) -> None:
            said.append("line")

        def info(self, event: str, **_: object) -> None:
            said.append("recovered")

    monkeypatch.setattr(module, "log", Log())
    fails = [True, True, True]

    def work(due: bool) -> None:
        if fails:
            fails.pop()
            raise ValueError("broken")

    pulse = Pulse("test", work, 0.01)
    pulse.start()
    wait_until(lambda: "recovered" in said, seconds=PATIENCE, what="the recovery")
    pulse.stop()
    assert said == ["traceback", "line", "line", "recovered"]


def test_it_starts_once_and_can_start_again() -> None:
    done: list[bool] = []
    pulse = Pulse("test-once", done.append, NEVER)
    pulse.start()
    pulse.start()
    assert [thread.name for thread in threading.enumerate()].count("test-once") == 1
    pulse.stop()
    before = len(done)
    pulse.start()
    wait_until(lambda: len(done) > before, seconds=PATIENCE, what="a beat of the second life")
    pulse.stop()
