"""Machines that wait for a person: what they get, what they do not take, and who lets them in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from acl.services.tags import save_tag
from coordinator.enrolments import approve_enrolment, reject_enrolment
from coordinator.lifecycle import delete_node, expire_node
from coordinator.tasks import forget_old_enrolments
from mesh.change import Cause
from mesh.errors import ConflictError, NotFoundError, PermissionDeniedError, ResourceExhaustedError, ValidationError
from nodes.models import Address, Change, NameReservation, Network, Node
from nodes.services.network import update_network
from sessions_app.models import AuthKey, Enrolment, NodeSession, User
from sessions_app.services.auth_keys import create_auth_key, revoke_auth_key
from sessions_app.services.enrolments import LIFETIME, derive_code, read_code
from sessions_app.services.sessions import revoke_session
from sessions_app.services.users import create_user, set_user_active
from tests.agents import Machine
from tests.factories import NetworkFactory
from tests.fixtures import Clock, KeyOf, random32

CAUSE = Cause.command()
MISSING = "No request of this key waits under this code."


@pytest.fixture(autouse=True)
def _stopped(clock: Clock) -> None:
    """All instants are those of the clock."""


@pytest.fixture
def root(network: Network) -> User:
    """Somebody who manages nodes."""
    return create_user(login="root", role=User.Role.ADMIN, cause=CAUSE, now=timezone.now())


@pytest.fixture
def careful(network: Network) -> Network:
    """The network approves each new node."""
    return update_network(network_id=network.pk, changes={"approve_nodes": True}, cause=CAUSE, now=timezone.now())


def ask(machine: Machine, auth_key: str | None = None, **members: Any) -> str:
    """Asks to join; the code."""
    response = machine.register(auth_key, **members)
    assert response.status_code == 202, response.content
    code: str = response.json()["enrolment"]["code"]
    return code


def approve(code: str, actor: User | None, **options: Any) -> Node:
    found = Enrolment.objects.get(code=read_code(code))
    return approve_enrolment(enrolment_id=found.pk, actor=actor, cause=CAUSE, now=timezone.now(), **options)


def reject(code: str, actor: User | None) -> None:
    found = Enrolment.objects.get(code=read_code(code))
    reject_enrolment(enrolment_id=found.pk, actor=actor, cause=CAUSE, now=timezone.now())


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


def test_five_machines_an_address(network: Network) -> None:
    for number in range(5):
        ask(Machine(f"web-{number}"))
    refused = Machine("web").register(None)
    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (429, "throttled", "600")
    ask(Machine("elsewhere", origin="192.0.2.11"))


def test_an_ipv6_network_is_one_address(network: Network) -> None:
    for number in range(5):
        ask(Machine("web", origin=f"2001:db8::{number}"))
    assert Machine("web", origin="2001:db8::9").register(None).status_code == 429
    ask(Machine("web", origin="2001:db8:0:1::9"))


def test_those_that_were_decided_or_gave_up_leave_room(network: Network, ana: User, clock: Clock) -> None:
    codes = [ask(Machine(f"web-{number}")) for number in range(5)]
    reject(codes[0], ana)
    ask(Machine("in its place"))
    clock.advance(minutes=10)
    ask(Machine("later"))


def test_a_thousand_a_network(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions_app.services.enrolments.MOST_IN_NETWORK", 2)
    ask(Machine("one", origin="192.0.2.1"))
    ask(Machine("two", origin="192.0.2.2"))
    assert Machine("three", origin="192.0.2.3").register(None).status_code == 429


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


def test_tags_by_whom_owns_them(network: Network, ana: User, ben: User) -> None:
    save_tag(network_id=network.pk, tag="tag:web", owners=["user:ana@example.com"], cause=CAUSE, now=timezone.now())
    code = ask(Machine("web"))
    with pytest.raises(PermissionDeniedError):
        approve(code, ben, tags=["tag:web"])
    node = approve(code, ana, tags=["tag:web"])
    assert (node.owner, [row.tag for row in node.tags.all()], node.key_expires_at) == (None, ["tag:web"], None)


def test_any_tag_by_whom_manages_nodes(network: Network, root: User) -> None:
    assert approve(ask(Machine("web")), root, tags=["tag:any"]).tagged


def test_for_somebody_else_only_by_whom_manages_nodes(network: Network, ana: User, ben: User, root: User) -> None:
    code = ask(Machine("web"))
    with pytest.raises(PermissionDeniedError):
        approve(code, ben, owner_id=ana.pk)
    assert approve(code, root, owner_id=ana.pk).owner == ana


def test_a_user_or_tags(network: Network, root: User) -> None:
    with pytest.raises(ValidationError):
        approve(ask(Machine("web")), root, owner_id=root.pk, tags=["tag:web"])


def test_a_disabled_person_takes_nothing(network: Network, ana: User) -> None:
    code = ask(Machine("web"))
    set_user_active(user_id=ana.pk, active=False, cause=CAUSE, now=timezone.now())
    with pytest.raises(ValidationError):
        approve(code, ana)
    assert not Node.objects.exists()


def test_an_exhausted_pool_is_said_to_the_person(network: Network, ana: User) -> None:
    update_network(network_id=network.pk, changes={"ipv4_range": "10.9.0.0/30"}, cause=CAUSE, now=timezone.now())
    approve(ask(Machine("one")), ana)
    machine = Machine("two")
    code = ask(machine)
    with pytest.raises(ResourceExhaustedError):
        approve(code, ana)
    assert machine.collect(code).json() == {"state": "pending"}


def test_a_careful_network_lets_no_key_decide_alone(careful: Network, ana: User, root: User, key_of: KeyOf) -> None:
    machine = Machine("web")
    code = ask(machine, key_of(ana))
    assert AuthKey.objects.get().uses == 0
    with pytest.raises(PermissionDeniedError):
        approve(code, ana)
    node = approve(code, root)
    assert (node.owner, AuthKey.objects.get().uses) == (ana, 1)
    assert "session" in machine.collect(code).json()


def test_a_member_cannot_let_machines_into_a_careful_network(careful: Network, ana: User) -> None:
    code = ask(Machine("web"))
    for act in (approve, reject):
        with pytest.raises(PermissionDeniedError):
            act(code, ana)


def test_a_pre_approved_key_is_enough(careful: Network, ana: User, key_of: KeyOf) -> None:
    assert Machine("web").register(key_of(ana, pre_approved=True)).status_code == 201


def test_a_known_node_of_a_careful_network_comes_back_by_itself(careful: Network, ana: User, key_of: KeyOf) -> None:
    machine = Machine("web")
    key = key_of(ana, pre_approved=True, reusable=True)
    machine.register(key)
    assert machine.register(key_of(ana)).status_code == 200


def test_whom_a_key_stands_for_is_settled(careful: Network, ana: User, root: User, key_of: KeyOf) -> None:
    code = ask(Machine("web"), key_of(ana))
    for options in ({"owner_id": root.pk}, {"tags": ["tag:web"]}):
        with pytest.raises(ValidationError):
            approve(code, root, **options)


def test_a_key_that_ended_meanwhile(careful: Network, ana: User, root: User, key_of: KeyOf) -> None:
    code = ask(Machine("web"), key_of(ana))
    revoke_auth_key(auth_key_id=AuthKey.objects.get().pk, cause=CAUSE, now=timezone.now())
    with pytest.raises(ConflictError):
        approve(code, root)
    assert not Node.objects.exists()


def test_a_one_off_key_lets_one_of_two_in(careful: Network, ana: User, root: User, key_of: KeyOf) -> None:
    key = key_of(ana)
    first, second = ask(Machine("one"), key), ask(Machine("two"), key)
    approve(first, root)
    with pytest.raises(ConflictError):
        approve(second, root)


def test_tags_and_ephemerality_of_the_key(careful: Network, root: User, ana: User) -> None:
    made = create_auth_key(
        network_id=careful.pk, tags=["tag:ci"], ephemeral=True, now=timezone.now(), random32=random32()
    )
    node = approve(ask(Machine("web"), made.secret), root)
    assert ([row.tag for row in node.tags.all()], node.ephemeral) == (["tag:ci"], True)


def test_a_machine_that_came_in_by_a_key_waits_no_more(network: Network, ana: User, key_of: KeyOf) -> None:
    machine = Machine("web")
    ask(machine)
    assert machine.register(key_of(ana)).status_code == 201
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
