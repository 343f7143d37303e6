"""What all tests share: real services to test against, and no skipped test that nobody notices."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scheduling import GroupScheduling
from tests.services.once import run_folder
from tests.services.postgres import Cluster, session_cluster
from tests.services.redis import RedisServer, session_redis

ALLOWED_SKIP = "../shared/vectors"
"""A skip whose reason names this is no fault: the folder is not part of every checkout."""

_controller = "PYTEST_XDIST_WORKER" not in os.environ


@pytest.fixture(scope="session")
def postgres() -> Cluster:
    """A private PostgreSQL cluster, the same for all processes of the run."""
    try:
        return session_cluster()
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def redis_server() -> RedisServer:
    """A private Redis, the same for all processes of the run: use keys and databases of your own."""
    try:
        return session_redis()
    except FileNotFoundError as error:
        pytest.skip(str(error))


def pytest_configure(config: pytest.Config) -> None:
    """Begin the run before any of its processes starts, so that its services end with this one."""
    run_folder()
    if _controller:
        config.pluginmanager.register(SkipReport(), "ghostwire-skips")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let the garbage collector look at what tests make, not again and again at Django and thousands of tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    """Keep together what shares a stack."""
    return GroupScheduling(config, log)


class SkipReport:
    """Says at the end what was skipped and why; with CI set, a skip that is not allowed fails the run."""

    def __init__(self) -> None:
        self.skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skipped test."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped[report.nodeid] = _reason(report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a skipped module."""
        if report.skipped:
            self.skipped[report.nodeid] = _reason(report.longrepr)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Fail the run for skips that CI does not allow."""
        if self.faults and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the skips by name."""
        if not self.skipped:
            return
        terminalreporter.section("skipped tests")
        for name, reason in sorted(self.skipped.items()):
            mark = "not allowed with CI set: " if name in self.faults else ""
            terminalreporter.write_line(f"{mark}{name}: {reason}")

    @property
    def faults(self) -> list[str]:
        """Skips that fail this run."""
        if os.environ.get("CI", "").lower() not in ("1", "true"):
            return []
        return [name for name, reason in self.skipped.items() if ALLOWED_SKIP not in reason]


def _reason(longrepr: Any) -> str:
    text = str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
    return text.removeprefix("Skipped: ")
