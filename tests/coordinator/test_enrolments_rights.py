"""Who may let machines in, as whose, and with which tags."""

from __future__ import annotations

import pytest
from django.utils import timezone

from acl.services.tags import save_tag
from mesh.errors import PermissionDeniedError, ResourceExhaustedError, ValidationError
from nodes.models import Network, Node
from nodes.services.network import update_network
from sessions_app.models import User
from sessions_app.services.users import create_user, set_user_active
from tests.agents import Machine
from tests.coordinator.enrolling import CAUSE, approve, ask
from tests.fixtures import Clock


@pytest.fixture(autouse=True)
def _stopped(clock: Clock) -> None:
    """All instants are those of the clock."""


@pytest.fixture
def root(network: Network) -> User:
    """Somebody who manages nodes."""
    return create_user(login="root", role=User.Role.ADMIN, cause=CAUSE, now=timezone.now())


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
