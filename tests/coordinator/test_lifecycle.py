"""What becomes of nodes: every transition, and that peers' maps follow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from acl.services.rules import create_rule
from coordinator.lifecycle import (
    delete_node,
    disable_node,
    enable_node,
    expire_node,
    expire_nodes,
    release_key,
    rename_node,
    set_fixed_address,
    set_tags,
)
from mesh.change import Cause
from mesh.errors import ConflictError, GhostWireError, NotFoundError, ValidationError
from nodes.models import Address, Change, NameReservation, Network, Node, RetiredKey
from nodes.presence import presence_store
from nodes.services.routes import replace_routes, set_route_approval
from sessions_app.models import NodeSession, User
from tests.agents import Machine
from tests.factories import NodeFactory
from tests.fixtures import START, Clock, Join

pytestmark = pytest.mark.usefixtures("clock")
CAUSE = Cause.user(7, origin="192.0.2.9", request_id="request-1")
ACT: dict[str, Any] = {"cause": CAUSE, "now": START}


@pytest.fixture
def web(join: Join, ana: User) -> Machine:
    return join(ana, "web")


@pytest.fixture
def peer(join: Join, ana: User) -> Machine:
    """Another machine of Ana's, which sees ``web``."""
    return join(ana, "peer")


def last_change() -> Change:
    return Change.objects.latest("version")


def test_disabling_cuts_it_off_and_keeps_what_it_has(web: Machine, peer: Machine) -> None:
    addresses = set(web.node.addresses.values_list("address", flat=True))
    disable_node(node_id=web.node.pk, **ACT)
    assert peer.peer_names() == []
    node = web.node
    assert (node.state, node.online, node.name) == ("disabled", False, "web")
    assert set(node.addresses.values_list("address", flat=True)) == addresses
    assert not NodeSession.objects.filter(node=node, ended_at=None).exists()
    enable_node(node_id=node.pk, **ACT)
    assert peer.peer_names() == ["web"]


def test_disabling_twice_is_one_change(web: Machine) -> None:
    disable_node(node_id=web.node.pk, **ACT)
    before = last_change().version
    disable_node(node_id=web.node.pk, **ACT)
    assert last_change().version == before


def test_only_a_disabled_node_is_enabled(web: Machine) -> None:
    with pytest.raises(ConflictError):
        enable_node(node_id=web.node.pk, **ACT)


def test_enabling_does_not_lift_an_expiry(web: Machine, peer: Machine) -> None:
    disable_node(node_id=web.node.pk, **ACT)
    Node.objects.filter(pk=web.node.pk).update(key_expires_at=START)
    enable_node(node_id=web.node.pk, **ACT)
    assert web.node.state == "expired"
    assert peer.peer_names() == []


def test_enabling_does_not_lift_log_in_again(web: Machine, peer: Machine) -> None:
    web.call("delete", "session")
    disable_node(node_id=web.node.pk, **ACT)
    enable_node(node_id=web.node.pk, **ACT)
    assert web.node.login_required and peer.peer_names() == []


def test_expiring(web: Machine, peer: Machine) -> None:
    expire_node(node_id=web.node.pk, **ACT)
    assert peer.peer_names() == []
    assert (web.node.state, web.node.key_expires_at) == ("expired", START)
    assert NodeSession.objects.get(node=web.node).end_reason == "expired"


@pytest.mark.parametrize("state", ["disabled", "pending"])
def test_what_is_cut_off_does_not_expire(web: Machine, state: str) -> None:
    Node.objects.update(state=state)
    with pytest.raises(ConflictError):
        expire_node(node_id=web.node.pk, **ACT)
    assert web.node.state == state


def test_the_sweep_expires_those_whose_time_is_over_as_one_change(web: Machine, peer: Machine, clock: Clock) -> None:
    before = last_change().version
    network_id = web.node.network_id
    now = clock.advance(days=180, seconds=-1)
    assert expire_nodes(network_id=network_id, now=now) == 0
    now = clock.advance(seconds=1)
    assert expire_nodes(network_id=network_id, now=now) == 2
    assert last_change().version == before + 1
    assert last_change().actor == "system:expiry"
    assert expire_nodes(network_id=network_id, now=now) == 0


def test_the_sweep_leaves_disabled_ones(web: Machine) -> None:
    disable_node(node_id=web.node.pk, **ACT)
    assert expire_nodes(network_id=web.node.network_id, now=START + timedelta(days=999)) == 0
    assert web.node.state == "disabled"


def test_deleting(web: Machine, peer: Machine) -> None:
    node = web.node
    addresses = set(node.addresses.values_list("address", flat=True))
    delete_node(node_id=node.pk, **ACT)
    assert peer.peer_names() == []
    assert not Node.objects.filter(pk=node.pk).exists()
    released = Address.objects.filter(address__in=addresses)
    assert {(row.node, row.quarantined_until) for row in released} == {(None, START + timedelta(hours=24))}
    assert NameReservation.objects.get().until == START + timedelta(hours=24)
    retired = RetiredKey.objects.get()
    assert (retired.public_key, retired.node_id_was, retired.node_name_was) == (web.public_key, node.pk, "web")
    assert (last_change().facts["removed"], last_change().facts["name"]) == ([node.pk], "web")


def test_deleting_what_is_gone(web: Machine) -> None:
    node_id = web.node.pk
    delete_node(node_id=node_id, **ACT)
    with pytest.raises(NotFoundError):
        delete_node(node_id=node_id, **ACT)


def test_an_id_is_never_used_again(web: Machine, join: Join, ana: User) -> None:
    node_id = web.node.pk
    delete_node(node_id=node_id, **ACT)
    assert join(ana, "next").node.pk > node_id


@pytest.mark.django_db(transaction=True)
def test_the_presence_of_a_deleted_node_is_forgotten() -> None:
    node = NodeFactory()
    presence_store().touch({node.pk: START})
    delete_node(node_id=node.pk, **ACT)
    assert presence_store().last_seen([node.pk]) == {}


def deny(network: Network, **sides: list[str]) -> None:
    fields = {"action": "deny", "sources": ["*"], "destinations": ["*"]} | sides
    create_rule(network_id=network.pk, fields=fields, **ACT)


@pytest.mark.parametrize("side", ["sources", "destinations"])
def test_what_a_deny_rule_names_is_not_deleted(network: Network, web: Machine, side: str) -> None:
    deny(network, **{side: ["node:web"]})
    with pytest.raises(ConflictError):
        delete_node(node_id=web.node.pk, **ACT)
    assert web.call("get", "netmap").status_code == 200


def test_unless_it_is_forced_which_is_recorded(network: Network, web: Machine) -> None:
    deny(network, sources=["node:web"])
    delete_node(node_id=web.node.pk, forced=True, **ACT)
    assert last_change().facts["forced"]


def test_release_of_a_key_that_is_not_retired(db: None) -> None:
    with pytest.raises(NotFoundError):
        release_key(retired_key_id=1, **ACT)


# --- names, tags, addresses


def test_renaming(web: Machine, peer: Machine) -> None:
    rename_node(node_id=web.node.pk, name="Frontend", **ACT)
    assert peer.peer_names() == ["frontend"]
    reservation = NameReservation.objects.get()
    assert (reservation.name, reservation.held_for) == ("web", web.node)


@pytest.mark.parametrize(
    ("name", "error"), [("peer", ConflictError), ("localhost", ConflictError), ("no dots.", ValidationError)]
)
def test_renaming_to_what_cannot_be(web: Machine, peer: Machine, name: str, error: type[GhostWireError]) -> None:
    with pytest.raises(error):
        rename_node(node_id=web.node.pk, name=name, **ACT)


def test_renaming_to_its_own_name_is_no_change(web: Machine) -> None:
    before = last_change().version
    rename_node(node_id=web.node.pk, name="web", **ACT)
    assert last_change().version == before


def test_given_to_tags_it_is_no_ones_and_must_log_in_again(web: Machine, peer: Machine) -> None:
    set_tags(node_id=web.node.pk, tags=["tag:db", "TAG:eu"], **ACT)
    node = web.node
    assert (node.owner, node.tagged, node.login_required, node.key_expires_at) == (None, True, True, None)
    assert [row.tag for row in node.tags.all()] == ["tag:db", "tag:eu"]
    assert peer.peer_names() == []
    assert web.call("get", "netmap").status_code == 401


def test_other_tags_for_a_node_of_tags_keep_its_session(join: Join) -> None:
    db = join(None, "db", tags=["tag:db"])
    set_tags(node_id=db.node.pk, tags=["tag:eu"], **ACT)
    assert db.netmap()["node"]["tags"] == ["tag:eu"]


def test_the_same_tags_are_no_change(join: Join) -> None:
    db = join(None, "db", tags=["tag:db"])
    before = last_change().version
    set_tags(node_id=db.node.pk, tags=["tag:db"], **ACT)
    assert last_change().version == before


@pytest.mark.parametrize("tags", [[], ["db"], ["tag:"]])
def test_a_node_cannot_belong_to_nobody(web: Machine, tags: list[str]) -> None:
    with pytest.raises(ValidationError):
        set_tags(node_id=web.node.pk, tags=tags, **ACT)
    assert web.node.owner is not None


def test_a_fixed_address(web: Machine, peer: Machine) -> None:
    old = web.node.addresses.get(family=4).address
    set_fixed_address(node_id=web.node.pk, address="10.1.99.9", **ACT)
    assert "10.1.99.9/32" in peer.netmap()["peers"][0]["addresses"]
    assert Address.objects.get(address=old).quarantined_until == START + timedelta(hours=24)


# --- every change tells its cause

TRANSITIONS: dict[str, Callable[[Node], object]] = {
    "disable": lambda node: disable_node(node_id=node.pk, **ACT),
    "expire": lambda node: expire_node(node_id=node.pk, **ACT),
    "delete": lambda node: delete_node(node_id=node.pk, **ACT),
    "rename": lambda node: rename_node(node_id=node.pk, name="other", **ACT),
    "tag": lambda node: set_tags(node_id=node.pk, tags=["tag:db"], **ACT),
    "fix": lambda node: set_fixed_address(node_id=node.pk, address="10.1.9.9", **ACT),
}


@pytest.mark.parametrize("transition", TRANSITIONS.values(), ids=TRANSITIONS.keys())
def test_one_change_with_its_cause(web: Machine, transition: Callable[[Node], object]) -> None:
    before = last_change().version
    transition(web.node)
    change = last_change()
    assert change.version == before + 1
    assert (change.actor, change.origin, change.request_id) == (CAUSE.actor, CAUSE.origin, CAUSE.request_id)
    assert change.created_at == START


@pytest.mark.parametrize("transition", TRANSITIONS.values(), ids=TRANSITIONS.keys())
def test_of_a_node_that_is_not_there(db: None, transition: Callable[[Node], object]) -> None:
    with pytest.raises(NotFoundError):
        transition(Node(pk=999))


LEAVE: dict[str, Callable[[Node], object]] = {
    **{name: TRANSITIONS[name] for name in ("disable", "expire", "delete", "tag")},
    "time": lambda node: expire_nodes(network_id=node.network_id, now=START + timedelta(days=180)),
}


@pytest.mark.parametrize("leave", LEAVE.values(), ids=LEAVE.keys())
def test_whoever_takes_over_a_route_stands_in_the_change(
    web: Machine, join: Join, leave: Callable[[Node], object]
) -> None:
    standby = join(None, "standby", tags=["tag:router"]).node
    for node in (web.node, standby):
        replace_routes(node_id=node.pk, prefixes=["192.168.7.0/24"], **ACT)
        set_route_approval(node_id=node.pk, prefixes=["192.168.7.0/24"], approved=True, **ACT)
    leave(web.node)
    assert standby.routes.get().primary
    assert standby.pk in {fact["id"] for fact in last_change().facts["nodes"]}
