from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

POLICY = """{
  // Everybody reaches the web server.
  "tagOwners": {"tag:web": []},
  "acls": [{"action": "accept", "proto": "tcp", "src": ["*"], "dst": ["tag:web:443"]}],
}"""
NETWORK = {
    "domain": "mycompany.ghost",
    "ipv4_range": "10.1.0.0/16",
    "users": [{"name": "Ana", "login": "ana"}],
    "nodes": [
        {"name": "laptop", "user": "ana", "addresses": ["10.1.0.2"]},
        {"name": "web", "tags": ["tag:web"], "addresses": ["10.1.0.3"]},
    ],
}


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "policy.hujson").write_text(POLICY)
    (tmp_path / "network.json").write_text(json.dumps(NETWORK))
    return str(tmp_path / "policy.hujson"), str(tmp_path / "network.json")


def test_files_are_evaluated(run: Run, files: tuple[str, str]) -> None:
    value = run("policy", "eval", "--policy", files[0], "--network", files[1], "--json").json
    assert value["nodes"]["laptop"] == {"peers": ["web"], "packet_filter": []}
    [entry] = value["nodes"]["web"]["packet_filter"]
    assert entry["protocols"] == [6]
    assert entry["destinations"] == [{"prefix": "10.1.0.3/32", "ports": [[443, 443]]}]


def test_people_read_who_sees_whom(run: Run, files: tuple[str, str]) -> None:
    out = run("policy", "eval", "--policy", files[0], "--network", files[1]).out
    assert "sees web" in out
    assert "10.1.0.3/32 port 443" in out


def test_faults_are_named_by_file_line_and_column(run: Run, files: tuple[str, str]) -> None:
    Path(files[0]).write_text(POLICY.replace('"*"', '"group:nope"'))
    outcome = run("policy", "eval", "--policy", files[0], "--network", files[1])
    assert outcome.code == 1
    assert f"{files[0]}:4:" in outcome.err


def test_files_that_cannot_be_read(run: Run, files: tuple[str, str]) -> None:
    assert run("policy", "eval", "--policy", "/nowhere", "--network", files[1]).code == 1
    Path(files[1]).write_text("{")
    assert "not JSON" in run("policy", "eval", "--policy", files[0], "--network", files[1]).err


def test_lines_are_answered_one_by_one(run: Run) -> None:
    good = json.dumps({"id": 1, "policy": POLICY, "network": NETWORK})
    outcome = run("policy", "eval", "--jsonl", stdin=f'{good}\n\n{{"id": 2}}\nno JSON\n{{"id": NaN}}\n')
    answers = [json.loads(line) for line in outcome.out.splitlines()]
    assert outcome.code == 0
    assert [answer["id"] for answer in answers] == [1, 2, None, None]
    assert answers[0]["nodes"]["laptop"]["peers"] == ["web"]
    assert all(answer["error"]["code"] == "validation" for answer in answers[1:])


def test_words_that_do_not_go_together(run: Run, files: tuple[str, str]) -> None:
    for words in ((), ("--policy", files[0]), ("--jsonl", "--policy", files[0]), ("--policy", "-", "--network", "-")):
        assert run("policy", "eval", *words).code == 2
