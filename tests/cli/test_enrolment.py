from __future__ import annotations

from coordinator.admin_api.serializers.enrolments import EnrolmentOut
from nodes.models import Network, Node
from sessions_app.models import AuthKey, User
from tests.agents import Machine
from tests.cli.conftest import Run
from tests.fixtures import KeyOf


def waiting(hostname: str) -> tuple[Machine, str]:
    machine = Machine(hostname)
    return machine, machine.register(None).json()["enrolment"]["code"]


def test_a_machine_is_listed_and_shown(run: Run, network: Network) -> None:
    _, code = waiting("laptop")
    [value] = run("enrolment", "list", "--json").json
    assert list(value) == list(EnrolmentOut().fields)
    assert value["code"] == code
    shown = run("enrolments", "show", "laptop").out
    assert code in shown
    assert value["fingerprint"] in shown


def test_approved_for_a_person_by_its_code(run: Run, ana: User) -> None:
    machine, code = waiting("laptop")
    assert run("enrolment", "approve", code, "--user", "ana@example.com").out.endswith("laptop may join as laptop.\n")
    assert Node.objects.get().owner == ana
    assert "session" in machine.collect(code).json()
    changes = run("change", "list").out
    assert "laptop let in" in changes
    assert run("enrolment", "list").out == "No machine waits.\n"
    assert [value["state"] for value in run("enrolment", "list", "--all", "--json").json] == ["approved"]


def test_approved_with_tags(run: Run, network: Network) -> None:
    _, code = waiting("db")
    assert run("enrolment", "approve", code.lower(), "--tag", "db").code == 0
    assert [row.tag for row in Node.objects.get().tags.all()] == ["tag:db"]


def test_whose_it_is_must_be_said(run: Run, network: Network) -> None:
    _, code = waiting("db")
    assert run("enrolment", "approve", code).err == "error: Say whose the machine is: a user or tags.\n"


def test_rejected(run: Run, network: Network) -> None:
    machine, code = waiting("laptop")
    assert run("enrolment", "reject", code, "--json").json["state"] == "rejected"
    assert machine.collect(code).json() == {"state": "rejected"}
    assert run("enrolment", "reject", code).code == 1
    assert "laptop asked to join, rejected" in run("change", "list", "--limit", "1").out


def test_a_code_that_is_none(run: Run, network: Network) -> None:
    assert run("enrolment", "show", "WDJB-MJHT").code == 1


def test_a_network_that_approves_each_node(run: Run, ana: User, key_of: KeyOf) -> None:
    assert run("network", "set", "--approve-nodes", "--json").json["approve_nodes"] is True
    machine = Machine("web")
    code = machine.register(key_of(ana)).json()["enrolment"]["code"]
    assert run("enrolment", "approve", code).code == 0
    assert machine.node.owner == ana
    made = run("authkey", "create", "--user", "ana@example.com", "--pre-approved", "--json").json
    assert AuthKey.objects.get(pk=made["id"]).pre_approved
    assert Machine("db").register(made["key"]).status_code == 201
