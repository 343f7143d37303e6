"""The rule about skipped tests (``tests/conftest.py``), tried on a suite of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ghostwire_site.config.model import HOME
from tests.services.once import RUN_VARIABLE

SUITE = """
import pytest

def test_passes():
    pass

@pytest.mark.skip(reason="{reason}")
def test_is_skipped():
    pass
"""
ALLOWED = "the vectors of ../shared/vectors are not here"
OTHER = "no chromium here"


def run(folder: Path, reason: str, *arguments: str, ci: str) -> tuple[int, str]:
    """Run a suite with one test skipped for ``reason``; give pytest's exit code and what it printed."""
    (folder / "test_suite.py").write_text(SUITE.format(reason=reason))
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, f"--rootdir={folder}"]
    command += ["-p", "no:cacheprovider", "-p", "tests.conftest", *arguments, str(folder)]
    # Nothing of the run around: it may be one of several processes, and have services of its own.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_") and key != RUN_VARIABLE}
    environment = kept | {"CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(HOME)}
    done = subprocess.run(command, cwd=HOME, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("reason", "ci", "code"), [(OTHER, "true", 1), (OTHER, "", 0), (OTHER, "false", 0), (ALLOWED, "true", 0)]
)
def test_in_ci_only_one_reason_to_skip_is_good_enough(tmp_path: Path, reason: str, ci: str, code: int) -> None:
    exit_code, output = run(tmp_path, reason, ci=ci)

    assert exit_code == code, output
    assert f"test_suite.py::test_is_skipped: {reason}" in output
    assert ("not allowed with CI set" in output) is (code == 1)
    assert "1 passed, 1 skipped" in output.splitlines()[-1]


def test_the_rule_holds_where_several_processes_run_the_tests(tmp_path: Path) -> None:
    exit_code, output = run(tmp_path, OTHER, "-p", "xdist", "-n", "2", ci="true")

    assert exit_code == 1
    assert output.count(f"test_suite.py::test_is_skipped: {OTHER}") == 1
