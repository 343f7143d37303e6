"""Tags at registration: what a key carries, what its owner owns, and what it may give no longer."""

from __future__ import annotations

from typing import Any

import pytest

from acl.models import Group, TagOwner
from acl.services.groups import save_group
from acl.services.tags import save_tag
from mesh.change import Cause
from nodes.models import Network, Node
from sessions_app.models import AuthKey, User
from sessions_app.services.users import create_user, set_user_active, update_user
from tests.agents import Machine
from tests.factories import NetworkFactory
from tests.fixtures import START, Join, KeyOf

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}


def own(network: Network, tag: str, *owners: str) -> TagOwner:
    """Declares a tag and who may give it."""
    return save_tag(network_id=network.pk, tag=tag, owners=owners, **ACT)


def tags_of(machine: Machine) -> list[str]:
    return [row.tag for row in machine.node.tags.all()]


@pytest.fixture
def admin(network: Network) -> User:
    """Someone who manages nodes."""
    return create_user(login="root@example.com", role=User.Role.ADMIN, **ACT)


def test_a_key_of_tags_makes_nodes_of_its_tags(network: Network, key_of: KeyOf) -> None:
    machine = Machine("db")
    body = machine.register(key_of(None, tags=["tag:eu", "tag:db"])).json()
    assert body["node"]["tags"] == ["tag:db", "tag:eu"]
    assert (body["node"]["user"], body["node"]["key_expires_at"]) == (None, None)
    assert machine.node.tagged and machine.node.owner is None


def test_a_persons_key_with_tags_makes_nodes_of_the_tags(network: Network, ana: User, key_of: KeyOf) -> None:
    machine = Machine("db")
    assert machine.register(key_of(ana, tags=["tag:db"])).json()["node"]["user"] is None


def test_a_key_gives_some_of_its_tags(network: Network, key_of: KeyOf) -> None:
    machine = Machine("db")
    machine.register(key_of(None, tags=["tag:db", "tag:eu"]), tags=["tag:db"])
    assert tags_of(machine) == ["tag:db"]


def test_tags_are_read_without_case_and_doubles(network: Network, key_of: KeyOf) -> None:
    machine = Machine("db")
    machine.register(key_of(None, tags=["tag:db"]), tags=["tag:DB", "tag:db"])
    assert tags_of(machine) == ["tag:db"]


def test_a_key_does_not_give_other_tags(network: Network, key_of: KeyOf) -> None:
    own(network, "tag:prod")
    response = Machine().register(key_of(None, tags=["tag:db"]), tags=["tag:db", "tag:prod"])
    assert (response.status_code, response.json()["code"]) == (403, "permission")
    assert not Node.objects.exists()


def test_a_person_gives_the_tags_that_it_owns(network: Network, ana: User, key_of: KeyOf) -> None:
    own(network, "tag:db", "ana@example.com")
    machine = Machine("db")
    assert machine.register(key_of(ana), tags=["tag:db"]).status_code == 201
    assert tags_of(machine) == ["tag:db"]


def test_through_groups_in_groups(network: Network, ana: User, key_of: KeyOf) -> None:
    inner = save_group(network_id=network.pk, name="dba", users=[ana.pk], subgroups=[], **ACT)
    save_group(network_id=network.pk, name="ops", users=[], subgroups=[inner.pk], **ACT)
    own(network, "tag:db", "group:ops")
    assert Machine().register(key_of(ana), tags=["tag:db"]).status_code == 201


def test_who_left_the_group_gives_it_no_more(network: Network, ana: User, key_of: KeyOf) -> None:
    group = save_group(network_id=network.pk, name="ops", users=[ana.pk], subgroups=[], **ACT)
    own(network, "tag:db", "group:ops")
    key = key_of(ana, reusable=True)
    assert Machine().register(key, tags=["tag:db"]).status_code == 201
    save_group(network_id=network.pk, name="ops", users=[], subgroups=[], group_id=group.pk, **ACT)
    assert Group.objects.get().members.count() == 0
    assert Machine().register(key, tags=["tag:db"]).status_code == 403


def test_everybody_gives_what_members_own(network: Network, ana: User, key_of: KeyOf) -> None:
    own(network, "tag:lab", "autogroup:member")
    assert Machine().register(key_of(ana), tags=["tag:lab"]).status_code == 201


@pytest.mark.parametrize("owners", [(), ("ben@example.com",)])
def test_a_person_does_not_give_what_others_own(
    network: Network, ana: User, ben: User, key_of: KeyOf, owners: tuple[str, ...]
) -> None:
    own(network, "tag:db", *owners)
    assert Machine().register(key_of(ana), tags=["tag:db"]).status_code == 403


def test_nor_what_nobody_declared(network: Network, ana: User, key_of: KeyOf) -> None:
    assert Machine().register(key_of(ana), tags=["tag:db"]).status_code == 403


def test_nor_one_of_two(network: Network, ana: User, key_of: KeyOf) -> None:
    own(network, "tag:db", "ana@example.com")
    assert Machine().register(key_of(ana), tags=["tag:db", "tag:prod"]).status_code == 403


def test_an_administrator_gives_any(network: Network, admin: User, key_of: KeyOf) -> None:
    assert Machine().register(key_of(admin), tags=["tag:any"]).status_code == 201


def test_a_tag_of_another_network_is_another(network: Network, ana: User, key_of: KeyOf) -> None:
    own(NetworkFactory(name="other"), "tag:db", "ana@example.com")
    assert Machine().register(key_of(ana), tags=["tag:db"]).status_code == 403


# --- whoever made a key may have lost what it carries


@pytest.mark.parametrize("asked", [None, ["tag:db"]])
def test_a_maker_that_lost_its_role(network: Network, admin: User, key_of: KeyOf, asked: list[str] | None) -> None:
    key = key_of(None, tags=["tag:db"], reusable=True, created_by_id=admin.pk)
    members = {} if asked is None else {"tags": asked}
    assert Machine().register(key, **members).status_code == 201
    update_user(user_id=admin.pk, role=User.Role.MEMBER, **ACT)
    assert Machine().register(key, **members).status_code == 403


def test_a_maker_that_lost_its_role_brings_no_node_back_either(network: Network, admin: User, key_of: KeyOf) -> None:
    key = key_of(None, tags=["tag:db"], reusable=True, created_by_id=admin.pk)
    machine = Machine()
    machine.register(key)
    update_user(user_id=admin.pk, role=User.Role.MEMBER, **ACT)
    assert machine.register(key).status_code == 403


def test_the_owner_of_a_key_may_own_what_its_maker_lost(
    network: Network, admin: User, ana: User, key_of: KeyOf
) -> None:
    own(network, "tag:db", "ana@example.com")
    key = key_of(ana, tags=["tag:db"], created_by_id=admin.pk)
    update_user(user_id=admin.pk, role=User.Role.MEMBER, **ACT)
    assert Machine().register(key).status_code == 201


@pytest.mark.parametrize("owned", [False, True])
def test_keys_that_a_disabled_person_made_are_dead(
    network: Network, admin: User, ana: User, key_of: KeyOf, owned: bool
) -> None:
    tags = [] if owned else ["tag:db"]
    key = key_of(ana if owned else None, tags=tags, reusable=True, created_by_id=admin.pk)
    create_user(login="owner@example.com", role=User.Role.OWNER, **ACT)
    set_user_active(user_id=admin.pk, active=False, **ACT)
    assert Machine().register(key).status_code == 401
    set_user_active(user_id=admin.pk, active=True, **ACT)
    assert Machine().register(key).status_code == 201


def test_a_key_goes_with_its_maker(network: Network, admin: User, key_of: KeyOf) -> None:
    key_of(None, tags=["tag:db"], created_by_id=admin.pk)
    admin.delete()
    assert not AuthKey.objects.exists()


def test_a_tagged_node_is_no_persons_own_device(join: Join, ana: User) -> None:
    join(None, "db", tags=["tag:db"])
    laptop, server = join(ana, "laptop"), join(ana, "server", tags=["tag:db"])
    assert laptop.peer_names() == server.peer_names() == []
