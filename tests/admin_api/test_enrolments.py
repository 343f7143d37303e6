"""Waiting machines over the administration API."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.admin_api.serializers.enrolments import EnrolmentOut
from mesh.keys import decode_public_key, fingerprint
from nodes.models import Network, Node
from sessions_app.models import User
from tests.admin_api.api import api_of, faults, refusal
from tests.agents import Machine
from tests.fixtures import KeyOf


@pytest.fixture
def machine(network: Network) -> Machine:
    """One that waits."""
    waiting = Machine("laptop")
    assert waiting.register(None, os="linux", tags=["tag:web"]).status_code == 202
    return waiting


def only(api: Any) -> dict[str, Any]:
    [found] = api.get("enrolments")["results"]
    return dict(found)


def test_what_waits(machine: Machine) -> None:
    api = api_of("auditor")
    found = only(api)
    assert list(found) == list(EnrolmentOut().fields)
    assert (found["hostname"], found["state"], found["os"], found["tags"]) == (
        "laptop",
        "pending",
        "linux",
        ["tag:web"],
    )
    assert (found["origin"], found["node"], found["auth_key"]) == ("192.0.2.10", None, None)
    assert found["fingerprint"] == fingerprint(decode_public_key(machine.public_key))
    assert api.get(f"enrolments/{found['id']}") == found
    assert api.get(f"enrolments?code={found['code'].lower()}")["results"] == [found]
    assert api.get("enrolments?code=nonsense")["results"] == []
    assert api.get("enrolments?state=approved")["results"] == []


def test_approved_as_own_device(machine: Machine) -> None:
    api = api_of("support")
    found = only(api)
    after = api.post(f"enrolments/{found['id']}/approve", {})
    assert api.user is not None
    assert (after["state"], after["decided_by"]) == ("approved", api.user.pk)
    assert machine.node.owner == api.user
    assert "session" in machine.collect(found["code"]).json()


def test_approved_for_somebody_else_and_with_tags(machine: Machine, ana: User) -> None:
    support, admin = api_of("support"), api_of("admin")
    ident = only(admin)["id"]
    assert refusal(support("POST", f"enrolments/{ident}/approve", {"user": ana.pk})) == (403, "permission")
    assert refusal(support("POST", f"enrolments/{ident}/approve", {"tags": ["tag:web"]})) == (403, "permission")
    assert faults(admin("POST", f"enrolments/{ident}/approve", {"tags": ["tag:web"], "user": ana.pk})) == ["user"]
    admin.post(f"enrolments/{ident}/approve", {"tags": ["tag:web"]})
    assert [row.tag for row in machine.node.tags.all()] == ["tag:web"]
    assert refusal(admin("POST", f"enrolments/{ident}/approve", {})) == (409, "conflict")


def test_rejected(machine: Machine) -> None:
    api = api_of("support")
    found = only(api)
    assert api.post(f"enrolments/{found['id']}/reject")["state"] == "rejected"
    assert machine.collect(found["code"]).json() == {"state": "rejected"}
    assert not Node.objects.exists()


def test_a_network_that_approves_each_node(network: Network, ana: User, key_of: KeyOf) -> None:
    api = api_of("admin")
    assert api.patch("networks/default", {"approve_nodes": True})["approve_nodes"] is True
    assert Machine("web").register(key_of(ana)).status_code == 202
    made = api.post("auth-keys", {"pre_approved": True}, 201)
    assert made["pre_approved"] is True
    assert Machine("db").register(made["key"]).status_code == 201
    api.post(f"enrolments/{only(api)['id']}/approve", {})
    assert Node.objects.get(name="web").owner == ana
