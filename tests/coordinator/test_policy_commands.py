"""``manage.py policy`` over a network's own policy."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from acl.models import AclRule, PolicyVersion
from acl.selectors import latest_version
from acl.services.assertions import create_test
from coordinator.replica import REPLICAS
from mesh.change import Cause
from mesh.policy import Policy, TagOwner
from nodes.models import Network
from tests.coordinator.policy_networks import build_network, put

OURS = """// ours
{
    "tagOwners": {"tag:a": []},
    "acls": [
        {"action": "accept", "src": ["u1@example.com"], "dst": ["tag:a:22"]}, // ssh
    ],
}
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run("export")``; ``stdin=`` is piped in."""

    def invoke(*words: str, stdin: str = "") -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = 0
        try:
            call_command("policy", *words, stdout=out, stderr=err)
        except SystemExit as end:
            code = int(end.code or 0)
        return Outcome(code, out.getvalue(), err.getvalue())

    return invoke


@pytest.fixture
def small(network: Network) -> Network:
    """Five nodes, and no rule."""
    build_network(network)
    with transaction.atomic():
        put(network, Policy(tag_owners=(TagOwner("tag:a"),)))
    REPLICAS.clear()
    return network


@pytest.fixture
def file(tmp_path: Path, small: Network) -> Path:
    path = tmp_path / "policy.hujson"
    path.write_text(OURS, encoding="utf-8")
    return path


def test_what_is_imported_is_exported_as_it_came(run: Run, file: Path) -> None:
    done = run("import", str(file), "--comment", "from the repository")
    assert done.code == 0, done.err
    assert done.out == "Version 3 is in force: 1 rule added.\n"
    assert run("export").out == OURS
    version = PolicyVersion.objects.latest("number")
    assert (version.comment, version.actor) == ("from the repository", "command")


def test_what_is_in_force_already_changes_nothing(run: Run, file: Path) -> None:
    run("import", str(file))
    assert run("import", str(file), "-o", "json").json == {"changed": False, "version": 3, "warnings": []}


def test_a_document_comes_on_standard_input(run: Run, small: Network) -> None:
    assert run("import", "-", stdin=OURS).code == 0
    assert AclRule.objects.count() == 1


def test_faults_are_named_as_compilers_do(run: Run, file: Path) -> None:
    file.write_text(OURS.replace("u1@example.com", "nobody@example.com").replace("tag:a:22", "tag:a"))
    done = run("import", str(file))
    assert done.code == 1
    assert f"{file}:5:38: acls.0.src.0: there is no user" in done.err
    assert f"{file}:5:69: acls.0.dst.0:" in done.err
    assert not AclRule.objects.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{\n  "acls": [\n}', "3:1: a value is missing here"),
        ('{"acls": [],\n "acls": []}', "2:2: the key “acls” is already there, in line 1"),
        ('{"acls": []} // \xff', "1:17: this is not UTF-8"),
    ],
)
@pytest.mark.parametrize("verb", ["import", "check"])
def test_faults_of_syntax_too(run: Run, file: Path, text: str, words: str, verb: str) -> None:
    file.write_bytes(text.encode("latin-1"))
    done = run(verb, str(file))
    assert (done.code, done.out) == (1, "")
    assert f"{file}:{words}" in done.err


def test_a_file_that_is_not_there(run: Run, small: Network) -> None:
    done = run("check", "nowhere.hujson")
    assert (done.code, done.err) == (1, "error: nowhere.hujson cannot be read: No such file or directory.\n")


def test_an_import_against_another_version_is_refused(run: Run, file: Path) -> None:
    assert run("import", str(file), "--version", "1").code == 1
    assert run("import", str(file), "--version", "2").code == 0


@pytest.mark.parametrize("verb", ["import", "set", "apply"])
def test_a_document_may_be_tried(run: Run, file: Path, verb: str) -> None:
    done = run(verb, str(file), "--confirm-within", "5m")
    assert done.code == 0, done.err
    assert "note: On trial: in 5m version 2 comes back, unless you say: policy confirm" in done.err
    assert run("trial", "--json").json["seconds_left"] in (299, 300)


def test_what_is_tried_is_kept_or_taken_back(run: Run, file: Path) -> None:
    run("apply", str(file), "--confirm-within", "5m")
    assert run("confirm", "--version", "9").err == "error: Policy 9 is not on trial.\n"
    assert run("confirm").out == "Policy 3 stays in force.\n"
    file.write_text('{"acls": []}')
    run("apply", str(file), "--confirm-within", "1m")
    assert run("revert").out == "Version 5 is in force: what policy 3 said.\n"
    assert run("export").out == OURS
    assert run("confirm").code == 1


@pytest.mark.parametrize("within", ["10s", "2h", "soon"])
def test_a_trial_is_neither_too_short_nor_too_long(run: Run, file: Path, within: str) -> None:
    assert run("import", str(file), "--confirm-within", within).code in (1, 2)
    assert not AclRule.objects.exists()


def test_a_check_says_what_would_change_and_changes_nothing(run: Run, file: Path) -> None:
    value = run("check", str(file), "--json").json
    assert (value["changed"], value["summary"]) == (True, "1 rule added")
    assert (value["gained"], value["lost"]) == (4, 0)
    assert not AclRule.objects.exists()


def test_a_document_that_breaks_a_test_needs_an_override(run: Run, file: Path, small: Network) -> None:
    run("import", str(file))
    fields = {"source": "user:u1@example.com", "accept": ["tag:a:22"]}
    create_test(network_id=small.pk, fields=fields, cause=Cause.command(), now=timezone.now())
    broken = run("export").out.replace("tag:a:22", "tag:a:23", 1)
    refused = run("import", "-", stdin=broken)
    assert refused.code == 1
    assert "A test breaks" in refused.err
    assert "--override" in refused.err
    assert run("import", "-", "--override", stdin=broken).code == 0
    version = latest_version(small.pk)
    assert version is not None and version.forced


def test_a_flow_is_explained(run: Run, file: Path) -> None:
    run("import", str(file))
    said = run("explain", "n1", "n4", "22", "--json").json
    assert said["accepted"] is True
    assert run("explain", "n1", "n4", "23", "--json").json["accepted"] is False
    assert "accept by rule 1" in run("explain", "n1", "n4", "22").out
    assert run("explain", "n1", "n4").code == 1
    assert run("explain", "n1", "n4", "--protocol", "icmp").code == 0


def test_remarks_are_listed(run: Run, small: Network) -> None:
    assert run("lint").out.startswith("Nothing to remark on.")
    run("import", "-", stdin='{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}')
    [remark] = run("lint", "--json").json
    assert (remark["finding"], remark["position"]) == ("all_open", 1)
