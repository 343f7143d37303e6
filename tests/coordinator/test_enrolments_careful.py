"""Networks that approve each new node: what an auth key still decides there."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mesh.errors import ConflictError, PermissionDeniedError, ValidationError
from nodes.models import Network, Node
from nodes.services.network import update_network
from sessions_app.models import AuthKey, Enrolment, User
from sessions_app.services.auth_keys import create_auth_key, revoke_auth_key
from sessions_app.services.users import create_user
from tests.agents import Machine
from tests.coordinator.enrolling import CAUSE, approve, ask, reject
from tests.fixtures import Clock, KeyOf, random32


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
        network_id=careful.pk,
        tags=["tag:ci"],
        ephemeral=True,
        now=timezone.now(),
        random32=random32(),
        cause=CAUSE,
    )
    node = approve(ask(Machine("web"), made.secret), root)
    assert ([row.tag for row in node.tags.all()], node.ephemeral) == (["tag:ci"], True)


def test_a_machine_that_came_in_by_a_key_waits_no_more(network: Network, ana: User, key_of: KeyOf) -> None:
    machine = Machine("web")
    ask(machine)
    assert machine.register(key_of(ana)).status_code == 201
    assert not Enrolment.objects.exists()
