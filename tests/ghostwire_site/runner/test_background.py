from __future__ import annotations

import subprocess
import sys

from ghostwire_site.config.model import HOME


def lines_of(scenario: str) -> list[str]:
    """Give what a run of ``probe_tasks`` wrote to standard output."""
    command = [sys.executable, "-m", "tests.ghostwire_site.runner.probe_tasks", scenario]
    run = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=90, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_tasks_run_by_the_timetable_until_stopped() -> None:
    assert lines_of("ticks") == ["ran twice", "quiet", "ended as meant"]


def test_tasks_under_way_are_finished_before_the_end() -> None:
    lines = lines_of("under-way")

    assert lines[-1] == "stopped"
    assert "finished" in lines[:-1]


def test_a_task_that_fails_is_run_again_when_it_is_due() -> None:
    assert lines_of("fails") == ["ran twice", "quiet", "ended as meant"]


def test_a_part_that_ends_by_itself_is_told() -> None:
    assert lines_of("beat-dies")[0] == "told of the failure"
