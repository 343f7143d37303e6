"""Machines that wait for a person: what they get, what they do not take, and who lets them in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from coordinator.enrolments import approve_enrolment
from coordinator.lifecycle import delete_node, expire_node
from coordinator.tasks import forget_old_enrolments
from mesh.change import Cause
from mesh.errors import ConflictError, NotFoundError, PermissionDeniedError
from nodes.models import Address, Change, NameReservation, Network, Node
from sessions_app.models import Enrolment, NodeSession, User
from sessions_app.services.enrolments import LIFETIME, derive_code, read_code
from sessions_app.services.sessions import revoke_session
from tests.agents import Machine
from tests.coordinator.enrolling import CAUSE, approve, ask, reject
from tests.factories import NetworkFactory
from tests.fixtures import Clock, KeyOf

MISSING = "No request of this key waits under this code."


@pytest.fixture(autouse=True)
def _stopped(clock: Clock) -> None:
    """All instants are those of the clock."""


def test_without_a_key_a_machine_gets_a_code_and_the_page_to_open(network: Network) -> None:
    response = Machine("web").register(None)
    assert response.status_code == 202
    enrolment = response.json()["enrolment"]
    assert list(response.json()) == ["enrolment"]
    code = enrolment["code"]
    assert enrolment == {
        "code": code,
        "verification_url": f"{settings.GHOSTWIRE.public_urls[0]}/enrol/{code}",
        "expires_at": "2026-03-02T12:10:00Z",
    }
    assert read_code(code) == Enrolment.objects.get().code


def test_a_waiting_machine_takes_nothing(network: Network) -> None:
    version = Network.objects.get().map_version
    ask(Machine("web"))
    assert not Node.objects.exists()
    assert not Address.objects.exists()
    assert not NameReservation.objects.exists()
    assert not NodeSession.objects.exists()
    assert Network.objects.get().map_version == version


def test_taken_as_own_device(network: Network, ana: User) -> None:
    machine = Machine("web")
    code = ask(machine, os="linux", endpoints=["203.0.113.9:51820"])
    assert machine.collect(code).json() == {"state": "pending"}
    node = approve(code, ana)
    response = machine.collect(code)
    assert response.status_code == 200
    assert set(response.json()) == {"node", "session", "network", "map_version"}
    assert (response.json()["node"]["id"], response.json()["node"]["user"]) == (node.pk, ana.pk)
    assert machine.netmap()["node"]["endpoints"] == ["203.0.113.9:51820"]
    assert node.key_expires_at == timezone.now() + timedelta(days=180)


def test_an_approval_is_one_change_of_the_person(network: Network, ana: User) -> None:
    code = ask(Machine("web"))
    found = Enrolment.objects.get()
    approve_enrolment(enrolment_id=found.pk, actor=ana, cause=Cause.user(ana.pk), now=timezone.now())
    change = Change.objects.latest("version")
    assert (change.kind, change.actor, change.facts["created"]) == ("nodes", f"user:{ana.pk}", True)
    found.refresh_from_db()
    assert (found.decided_by, found.decided_at) == (ana, timezone.now())
    assert read_code(code) == found.code


def test_an_answer_that_was_lost_is_asked_for_again(network: Network, ana: User) -> None:
    machine = Machine("web")
    code = ask(machine)
    approve(code, ana)
    first, second = machine.collect(code).json(), machine.collect(code).json()
    assert first["node"] == second["node"]
    assert first["session"]["token"] != second["session"]["token"]
    assert machine.heartbeat().status_code == 200
    assert NodeSession.objects.filter(ended_at=None).count() == 1


def test_a_replayed_proof_gets_nothing(network: Network, ana: User) -> None:
    machine = Machine("web")
    code = ask(machine)
    challenge = machine.challenge()
    assert machine.collect(code, challenge=challenge).json() == {"state": "pending"}
    approve(code, ana)
    replayed = machine.collect(code, challenge=challenge)
    assert replayed.status_code == 401
    assert "session" not in replayed.json()


def test_the_code_alone_gives_nothing(network: Network, ana: User) -> None:
    code = ask(Machine("web"))
    thief = Machine("thief")
    assert thief.collect(code).status_code == 404
    approve(code, ana)
    response = thief.collect(code)
    assert (response.status_code, response.json()["detail"]) == (404, MISSING)
    unproved = thief.call("post", f"enrolments/{code}", {"public_key": thief.public_key})
    assert unproved.status_code == 401


@pytest.mark.parametrize("code", ["WDJB-MJHT", "nonsense", "%20", "A" * 300])
def test_codes_that_are_none(network: Network, code: str) -> None:
    machine = Machine("web")
    ask(machine)
    response = machine.collect(code)
    assert (response.status_code, response.json()["detail"]) == (404, MISSING)


def test_a_proof_for_another_purpose(network: Network) -> None:
    machine = Machine("web")
    code = ask(machine)
    assert machine.collect(code, purpose="session").status_code == 401


def test_rejected(network: Network, ana: User) -> None:
    machine = Machine("web")
    code = ask(machine)
    reject(code, ana)
    assert machine.collect(code).json() == {"state": "rejected"}
    change = Change.objects.latest("version")
    assert (change.kind, change.facts["enrolments"][0]["name"]) == ("credentials", "web")
    with pytest.raises(ConflictError):
        approve(code, ana)
    assert not Node.objects.exists()


def test_decided_once(network: Network, ana: User, ben: User) -> None:
    code = ask(Machine("web"))
    approve(code, ana)
    with pytest.raises(ConflictError):
        approve(code, ben)
    with pytest.raises(ConflictError):
        reject(code, ben)


def test_the_end_comes_without_any_task(network: Network, ana: User, clock: Clock) -> None:
    machine = Machine("web")
    code = ask(machine)
    clock.advance(seconds=LIFETIME.total_seconds() - 1)
    assert machine.collect(code).json() == {"state": "pending"}
    clock.advance(seconds=1)
    assert machine.collect(code).status_code == 404
    with pytest.raises(NotFoundError):
        approve(code, ana)
    assert Enrolment.objects.exists()


def test_after_the_approval_there_is_as_long_again(network: Network, ana: User, clock: Clock) -> None:
    machine = Machine("web")
    code = ask(machine)
    clock.advance(minutes=9)
    approve(code, ana)
    clock.advance(minutes=9)
    assert "session" in machine.collect(code).json()
    clock.advance(minutes=1)
    assert machine.collect(code).status_code == 404


def test_the_task_drops_what_is_over(network: Network, clock: Clock) -> None:
    ask(Machine("one"))
    clock.advance(minutes=5)
    ask(Machine("two"))
    clock.advance(minutes=5)
    forget_old_enrolments()
    assert [row.hostname for row in Enrolment.objects.all()] == ["two"]


def test_a_machine_waits_once(network: Network) -> None:
    machine = Machine("web")
    first, second = ask(machine), ask(machine)
    assert first != second
    assert machine.collect(first).status_code == 404
    assert machine.collect(second).json() == {"state": "pending"}


def test_who_asks_again_after_the_approval_keeps_it(network: Network, ana: User) -> None:
    machine = Machine("web")
    code = ask(machine)
    approve(code, ana)
    assert ask(machine) == code
    assert "session" in machine.collect(code).json()


def test_with_several_networks_one_is_named(network: Network, ana: User) -> None:
    NetworkFactory(name="lab")
    response = Machine("web").register(None)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "network")
    ask(Machine("web"), network="lab")
    assert Enrolment.objects.get().network.name == "lab"
    unknown = Machine("web").register(None, network="other")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (400, "network")


def test_an_auth_key_decides_the_network_itself(network: Network, ana: User, key_of: KeyOf) -> None:
    response = Machine("web").register(key_of(ana), network="default")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "network")


@pytest.mark.parametrize(
    ("member", "value"),
    [("endpoints", ["127.0.0.1:1"]), ("routes", ["10.1.0.0/24"]), ("tags", ["web"]), ("posture", {"a": "b" * 300})],
)
def test_facts_are_checked_when_they_are_told(network: Network, member: str, value: Any) -> None:
    response = Machine("web").register(None, **{member: value})
    assert response.status_code == 400
    assert not Enrolment.objects.exists()


def test_the_owner_brings_an_expired_node_back(network: Network, ana: User, ben: User) -> None:
    machine = Machine("web")
    node = approve(ask(machine), ana)
    expire_node(node_id=node.pk, cause=CAUSE, now=timezone.now())
    Enrolment.objects.all().delete()
    code = ask(machine)
    with pytest.raises(PermissionDeniedError):
        approve(code, ben)
    again = approve(code, ana)
    assert (again.pk, again.state, again.name) == (node.pk, Node.State.ACTIVE, "web")
    assert machine.collect(code).json()["node"]["id"] == node.pk


def test_log_in_again(network: Network, ana: User) -> None:
    machine = Machine("web")
    code = ask(machine)
    approve(code, ana)
    machine.collect(code)
    revoke_session(session_id=NodeSession.objects.get().pk, cause=CAUSE, now=timezone.now())
    assert machine.collect(code).status_code == 403
    Enrolment.objects.all().delete()
    machine.token = None
    code = ask(machine)
    approve(code, ana)
    assert "session" in machine.collect(code).json()
    assert machine.heartbeat().status_code == 200


def test_a_retired_key(network: Network, ana: User) -> None:
    machine = Machine("web")
    node = approve(ask(machine), ana)
    delete_node(node_id=node.pk, cause=CAUSE, now=timezone.now())
    assert not Enrolment.objects.exists()
    machine.token = None
    assert machine.register(None).status_code == 403


def test_a_disabled_node_does_not_ask(network: Network, ana: User) -> None:
    machine = Machine("web")
    node = approve(ask(machine), ana)
    Node.objects.filter(pk=node.pk).update(state=Node.State.DISABLED)
    assert machine.register(None).status_code == 403


def test_codes_have_one_reading() -> None:
    code = derive_code(bytes(range(16)))
    assert len(code) == 8
    assert read_code(f" {code[:4].lower()}-{code[4:]} ") == code
    for text in ("", code[:7], code + "B", "AEIOUAEI", "ß" * 8):
        assert read_code(text) is None
