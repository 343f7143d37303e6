"""A person goes: what becomes of nodes, keys, memberships and rules."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from acl.models import AclRule, Group
from acl.selectors import latest_version
from acl.services.groups import save_group
from acl.services.policy import activate_policy
from coordinator.ownership import give_node
from coordinator.people import Fate, delete_user, disable_user
from coordinator.replica import REPLICAS, current_state, load_topology
from mesh.change import Cause
from mesh.errors import ConflictError, NotFoundError, ResourceExhaustedError, ValidationError
from nodes.changes import lock_network
from nodes.models import Change, Network, Node, RetiredKey
from nodes.services.routes import set_route_approval
from sessions_app.models import ApiToken, AuthKey, NodeSession, User
from sessions_app.services.users import set_user_active
from tests.factories import ApiTokenFactory, AuthKeyFactory, NetworkFactory, NodeFactory, UserFactory
from tests.fixtures import START, Join, KeyOf

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.user(7), "now": START}


def reload(node: Node) -> Node:
    """The node as the database has it."""
    return Node.objects.get(pk=node.pk)


# --- whom a node belongs to


def test_another_owner_is_another_principal(network: Network, join: Join, ana: User, ben: User, key_of: KeyOf) -> None:
    machine = join(ana, "web")
    before = machine.node
    given = give_node(node_id=before.pk, owner_id=ben.pk, **ACT)
    assert (given.owner, given.login_required, given.name) == (ben, True, "web")
    assert machine.call("GET", "netmap").status_code == 401
    assert machine.register(key_of(ana)).status_code == 403
    assert machine.register(key_of(ben)).status_code == 200
    assert {row.address for row in reload(before).addresses.all()} == {row.address for row in before.addresses.all()}


def test_handing_over_is_one_change(network: Network, join: Join, ana: User, ben: User) -> None:
    node = join(ana, "web").node
    current_state(network.pk)
    before = Network.objects.get().map_version
    give_node(node_id=node.pk, owner_id=ben.pk, **ACT)
    change = Change.objects.latest("version")
    assert (change.version, change.kind, change.facts["given_to"]) == (before + 1, "nodes", ben.pk)
    assert current_state(network.pk).topology.nodes.get(node.pk) == load_topology(network.pk).nodes.get(node.pk)


def test_from_tags_to_a_person(network: Network, join: Join, ben: User) -> None:
    node = join(None, "db", tags=["tag:db"]).node
    give_node(node_id=node.pk, owner_id=ben.pk, **ACT)
    node = reload(node)
    assert (node.tagged, node.tags.count(), node.owner) == (False, 0, ben)
    assert node.key_expires_at == START + settings.GHOSTWIRE.auth.node_key_lifetime


def test_to_whom_it_belongs_already(network: Network, join: Join, ana: User) -> None:
    machine = join(ana, "web")
    before = Network.objects.get().map_version
    give_node(node_id=machine.node.pk, owner_id=ana.pk, **ACT)
    assert Network.objects.get().map_version == before


def test_routes_of_the_former_owner_move_on(network: Network, join: Join, ana: User, ben: User) -> None:
    first, second = (join(ana, name, routes=["192.0.2.0/24"]).node for name in ("gw", "spare"))
    for node in (first, second):
        set_route_approval(node_id=node.pk, prefixes=["192.0.2.0/24"], approved=True, **ACT)
    give_node(node_id=first.pk, owner_id=ben.pk, **ACT)
    assert reload(second).routes.get().primary


def test_only_to_active_people_with_room(network: Network, join: Join, ana: User, ben: User, monkeypatch: Any) -> None:
    node = join(ana, "web").node
    with pytest.raises(ValidationError):
        give_node(node_id=node.pk, owner_id=99, **ACT)
    auth = settings.GHOSTWIRE.auth.model_copy(update={"max_nodes_per_user": 1})
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"auth": auth}))
    NodeFactory(network=NetworkFactory(), owner=ben)
    with pytest.raises(ResourceExhaustedError):
        give_node(node_id=node.pk, owner_id=ben.pk, **ACT)
    set_user_active(user_id=ben.pk, active=False, **ACT)
    with pytest.raises(ValidationError):
        give_node(node_id=node.pk, owner_id=ben.pk, **ACT)
    assert reload(node).owner == ana


# --- deletion


def test_refused_while_there_are_nodes(network: Network, join: Join, ana: User) -> None:
    join(ana, "web")
    with pytest.raises(ConflictError, match="1 nodes"):
        delete_user(user_id=ana.pk, **ACT)
    assert User.objects.filter(pk=ana.pk).exists()


def test_with_the_nodes(network: Network, join: Join, ana: User, ben: User) -> None:
    mine, other = join(ana, "web"), join(ben, "phone")
    mine_id = mine.node.pk
    elsewhere = NodeFactory(network=NetworkFactory(), owner=ana)
    delete_user(user_id=ana.pk, nodes=Fate.DELETE, **ACT)
    assert list(Node.objects.all()) == [other.node]
    assert set(RetiredKey.objects.values_list("node_id_was", flat=True)) == {elsewhere.pk, mine_id}
    assert mine.call("GET", "netmap").status_code == 401


def test_with_the_nodes_given_away(network: Network, join: Join, ana: User, ben: User) -> None:
    nodes = [join(ana, name).node for name in ("web", "db")]
    delete_user(user_id=ana.pk, nodes=Fate.GIVE, heir_id=ben.pk, **ACT)
    assert [reload(node).owner for node in nodes] == [ben, ben]
    assert not NodeSession.objects.filter(ended_at=None).exists()


def test_keys_and_tokens_go_too(network: Network, ana: User, ben: User) -> None:
    AuthKeyFactory(network=network, owner=ana)
    AuthKeyFactory(network=network, owner=ben, created_by=ana)
    kept = AuthKeyFactory(network=network, owner=ben)
    ApiTokenFactory(user=ana)
    delete_user(user_id=ana.pk, **ACT)
    assert (list(AuthKey.objects.all()), ApiToken.objects.count()) == ([kept], 0)


def test_every_network_hears_of_it(network: Network, ana: User) -> None:
    NetworkFactory()
    current_state(network.pk)
    delete_user(user_id=ana.pk, **ACT)
    for pk in Network.objects.values_list("pk", flat=True):
        change = Change.objects.filter(network_id=pk).latest("version")
        said = {"id": ana.pk, "login": "ana@example.com", "auth_keys": []}
        assert (change.kind, change.facts) == ("users", {"users": [], "deleted": [said]})


def test_replicas_follow(network: Network, join: Join, ana: User, ben: User) -> None:
    join(ana, "web")
    join(ben, "phone")
    save_group(network_id=network.pk, name="ops", users=[ana.pk, ben.pk], subgroups=[], **ACT)
    before = current_state(network.pk)
    delete_user(user_id=ana.pk, nodes=Fate.GIVE, heir_id=ben.pk, **ACT)
    after = current_state(network.pk)
    assert REPLICAS.of(network.pk).since(before.version) is not None, "it was loaded whole"
    truth = load_topology(network.pk)
    assert dict(after.topology.users.items()) == dict(truth.users.items())
    assert dict(after.topology.nodes.items()) == dict(truth.nodes.items())
    assert set(after.policy.world.users) == {ben.pk}
    assert after.policy.groups == {"ops": frozenset({ben.pk})}


def test_groups_get_a_version_of_the_policy(network: Network, ana: User, ben: User) -> None:
    save_group(network_id=network.pk, name="ops", users=[ana.pk, ben.pk], subgroups=[], **ACT)
    before = latest_version(network.pk)
    delete_user(user_id=ana.pk, **ACT)
    after = latest_version(network.pk)
    assert before is not None and after is not None
    assert (after.number, after.comment) == (before.number + 1, "ana@example.com is deleted")
    assert [member.user for member in Group.objects.get().members.all()] == [ben]


@pytest.mark.parametrize("named", ["itself", "by its group"])
def test_a_denial_does_not_fail_open(network: Network, ana: User, named: str) -> None:
    save_group(network_id=network.pk, name="out", users=[ana.pk], subgroups=[], **ACT)
    source = f"user#{ana.pk}" if named == "itself" else "group:out"
    deny(network, source)
    with pytest.raises(ConflictError, match="is denied"):
        delete_user(user_id=ana.pk, **ACT)
    delete_user(user_id=ana.pk, forced=True, **ACT)
    assert Change.objects.filter(kind="users").latest("version").facts["deleted"][0]["forced"]


def deny(network: Network, source: str) -> None:
    """A deny rule with this bound source."""
    AclRule.objects.create(network=network, position=99, action="deny", sources=[source], destinations=["*"])
    with transaction.atomic():
        activate_policy(network=lock_network(network.pk), **ACT)


def test_the_last_owner_stays(network: Network) -> None:
    owner = UserFactory(role="owner")
    with pytest.raises(ConflictError):
        delete_user(user_id=owner.pk, **ACT)
    UserFactory(role="owner")
    delete_user(user_id=owner.pk, **ACT)


def test_all_or_nothing(network: Network, join: Join, ana: User, ben: User, monkeypatch: Any) -> None:
    join(ana, "web")
    auth = settings.GHOSTWIRE.auth.model_copy(update={"max_nodes_per_user": 1})
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"auth": auth}))
    join(ben, "phone")
    before = Network.objects.get().map_version
    with pytest.raises(ResourceExhaustedError):
        delete_user(user_id=ana.pk, nodes=Fate.GIVE, heir_id=ben.pk, **ACT)
    assert (Network.objects.get().map_version, User.objects.filter(pk=ana.pk).exists()) == (before, True)


@pytest.mark.parametrize(
    "options",
    [
        {"nodes": Fate.KEEP},
        {"nodes": Fate.GIVE},
        {"nodes": Fate.DELETE, "heir_id": 1},
        {"nodes": Fate.GIVE, "heir_id": 999},
        {"nodes": Fate.GIVE, "heir_id": "self"},
    ],
)
def test_what_makes_no_sense(network: Network, ana: User, options: dict[str, Any]) -> None:
    wanted = options | ({"heir_id": ana.pk} if options.get("heir_id") == "self" else {})
    with pytest.raises(ValidationError):
        delete_user(user_id=ana.pk, **wanted, **ACT)


def test_nobody(network: Network) -> None:
    with pytest.raises(NotFoundError):
        delete_user(user_id=99, **ACT)


# --- disabling


def test_nodes_stay_cut_off(network: Network, join: Join, ana: User) -> None:
    machine = join(ana, "web")
    disable_user(user_id=ana.pk, **ACT)
    assert reload(machine.node).owner == ana
    assert machine.call("GET", "netmap").status_code == 403


def test_nodes_are_given_away(network: Network, join: Join, ana: User, ben: User, key_of: KeyOf) -> None:
    machine = join(ana, "web")
    disable_user(user_id=ana.pk, nodes=Fate.GIVE, heir_id=ben.pk, **ACT)
    assert machine.register(key_of(ben)).status_code == 200
    assert machine.call("GET", "netmap").status_code == 200


def test_nodes_are_deleted(network: Network, join: Join, ana: User) -> None:
    join(ana, "web")
    disable_user(user_id=ana.pk, nodes=Fate.DELETE, **ACT)
    assert (Node.objects.count(), User.objects.get(pk=ana.pk).is_active) == (0, False)


def test_of_one_who_is_disabled_already(network: Network, join: Join, ana: User) -> None:
    join(ana, "web")
    set_user_active(user_id=ana.pk, active=False, **ACT)
    disable_user(user_id=ana.pk, nodes=Fate.DELETE, **ACT)
    assert not Node.objects.exists()
