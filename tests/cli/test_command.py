from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nodes.models import Network
from tests.cli.conftest import Run

HOME = Path(__file__).parents[2]
NOUNS = (
    "authkey",
    "apikey",
    "change",
    "group",
    "host",
    "key",
    "network",
    "node",
    "relay",
    "rule",
    "session",
    "tag",
    "user",
)


def shell(*words: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """manage.py as a shell runs it."""
    variables = {"GHOSTWIRE_CONFIG": os.devnull, "GHOSTWIRE_SERVER__DATA_DIR": str(data), **environment}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=HOME,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("noun", NOUNS)
def test_nouns_work_in_the_plural(run: Run, network: Network, noun: str) -> None:
    assert run(f"{noun}s", "ls", "-o", "json").code == 0


def test_without_a_verb_the_verbs_are_listed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("node").code == 2
    listed = capsys.readouterr().out
    assert "approve-routes" in listed
    assert " ls " not in listed


def test_a_wrong_option_is_one_line_and_exit_code_two(run: Run) -> None:
    outcome = run("node", "list", "--jsn")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "manage.py node list --help" in outcome.err


def test_a_refusal_is_one_line_and_exit_code_one(run: Run, network: Network) -> None:
    outcome = run("node", "show", "nobody")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "error: There is no node 'nobody'.\n"


def test_a_database_that_is_away_is_told_at_once(tmp_path: Path) -> None:
    done = shell("node", "list", data=tmp_path, GHOSTWIRE_DATABASE__URL="postgresql://u@127.0.0.1:1/x")
    assert done.returncode == 1
    assert done.stderr.startswith("error: The database (x on 127.0.0.1:1) does not answer")
    assert "Traceback" not in done.stderr


def test_a_database_without_tables_says_what_to_do(tmp_path: Path) -> None:
    done = shell("node", "list", "--settings", "ghostwire_site.settings", data=tmp_path)
    assert done.returncode == 1
    assert "manage.py migrate" in done.stderr


def test_policy_eval_asks_no_database(tmp_path: Path) -> None:
    (tmp_path / "policy").write_text("{}")
    (tmp_path / "network").write_text('{"users": [], "nodes": []}')
    words = ("policy", "eval", "--policy", str(tmp_path / "policy"), "--network", str(tmp_path / "network"), "--json")
    done = shell(*words, data=tmp_path / "data", GHOSTWIRE_DATABASE__URL="postgresql://u@127.0.0.1:1/x")
    assert done.returncode == 0, done.stderr
    assert '"nodes": {}' in done.stdout
