"""A key that the installation knows: who may bring a node back, and as what it comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from coordinator.lifecycle import (
    delete_node,
    disable_node,
    expire_node,
    release_key,
    rename_node,
    set_fixed_address,
    set_tags,
)
from mesh.change import Cause
from nodes.models import Network, Node, RetiredKey
from nodes.services.routes import set_route_approval
from sessions_app.models import AuthKey, NodeSession, User
from sessions_app.services.auth_keys import create_auth_key, revoke_auth_key
from sessions_app.services.sessions import revoke_session
from sessions_app.services.users import set_user_active
from tests.agents import Machine
from tests.factories import NetworkFactory
from tests.fixtures import START, Clock, Join, KeyOf

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}


@pytest.fixture
def key(ana: User, key_of: KeyOf) -> str:
    """The one-off key that made ``web``."""
    return key_of(ana)


@pytest.fixture
def web(key: str) -> Machine:
    """Ana's machine."""
    machine = Machine("web")
    assert machine.register(key).status_code == 201
    return machine


def identity(machine: Machine) -> tuple[object, ...]:
    node = machine.node
    return node.pk, node.name, node.owner_id, node.tagged, sorted(row.address for row in node.addresses.all())


def test_the_same_person_brings_it_back_as_it_was(web: Machine, ana: User, key_of: KeyOf) -> None:
    before = identity(web)
    response = web.register(key_of(ana))
    assert response.status_code == 200
    assert identity(web) == before
    assert response.json()["node"]["id"] == before[0]


def test_that_costs_no_use_of_the_key(web: Machine, ana: User, key_of: KeyOf) -> None:
    fresh = key_of(ana)
    assert web.register(fresh).status_code == 200
    assert Machine().register(fresh).status_code == 201


def test_the_used_up_key_that_made_it(web: Machine, key: str) -> None:
    before = identity(web)
    assert web.register(key).status_code == 200
    assert identity(web) == before


def test_the_used_up_key_also_after_it_ran_out(network: Network, ana: User, key_of: KeyOf, clock: Clock) -> None:
    key = key_of(ana, expires_at=START + timedelta(hours=1))
    machine = Machine()
    machine.register(key)
    clock.advance(hours=2)
    assert machine.register(key).status_code == 200


def test_the_used_up_key_not_after_it_was_revoked(web: Machine, key: str) -> None:
    revoke_auth_key(auth_key_id=AuthKey.objects.get().pk, cause=Cause.command(), now=START)
    assert web.register(key).status_code == 401


def test_a_used_up_key_that_made_another_node(web: Machine, ana: User, key_of: KeyOf) -> None:
    other = key_of(ana)
    Machine("other").register(other)
    assert web.register(other).status_code == 401


def test_a_used_up_key_of_several_uses_brings_nobody_back(network: Network, ana: User, key_of: KeyOf) -> None:
    key = key_of(ana, reusable=True, max_uses=2)
    machine = Machine()
    assert [machine.register(key).status_code, Machine().register(key).status_code] == [201, 201]
    assert machine.register(key).status_code == 401


def test_another_person(web: Machine, ben: User, key_of: KeyOf) -> None:
    response = web.register(key_of(ben))
    assert (response.status_code, response.json()["code"]) == (403, "permission")


def test_another_persons_key_is_not_used_up_by_trying(web: Machine, ben: User, key_of: KeyOf) -> None:
    key = key_of(ben)
    web.register(key)
    assert Machine().register(key).status_code == 201


def test_a_key_of_tags_for_a_persons_node(web: Machine, key_of: KeyOf) -> None:
    assert web.register(key_of(None, tags=["tag:db"])).status_code == 403


def test_a_persons_key_with_tags_for_the_persons_node(web: Machine, ana: User, key_of: KeyOf) -> None:
    assert web.register(key_of(ana, tags=["tag:db"])).status_code == 403


def test_a_persons_key_for_a_node_of_tags(join: Join, ana: User, key_of: KeyOf) -> None:
    assert join(None, "db", tags=["tag:db"]).register(key_of(ana)).status_code == 403


def test_the_same_tags(join: Join, key_of: KeyOf) -> None:
    machine = join(None, "db", tags=["tag:db", "tag:eu"])
    before = identity(machine)
    assert machine.register(key_of(None, tags=["tag:eu", "tag:db"])).status_code == 200
    assert identity(machine) == before


def test_fewer_tags(join: Join, key_of: KeyOf) -> None:
    machine = join(None, "db", tags=["tag:db", "tag:eu"])
    assert machine.register(key_of(None, tags=["tag:db"])).status_code == 403


def test_a_key_of_another_network(web: Machine, ana: User) -> None:
    other = NetworkFactory(name="other", ipv4_range="10.9.0.0/24", ipv6_range=None)
    created = create_auth_key(
        network_id=other.pk, owner_id=ana.pk, now=START, random32=b"o" * 32, cause=Cause.command()
    )
    assert web.register(created.secret).status_code == 403
    assert Node.objects.get().network_id != other.pk


def test_what_it_reports_is_refreshed_and_what_it_leaves_out_stays(web: Machine, key: str) -> None:
    web.register(key, os="linux", endpoints=["203.0.113.9:1"], posture={"a": 1})
    web.hostname = "renamed.example"
    web.register(key, os_version="13")
    node = web.node
    assert (node.name, node.hostname) == ("web", "renamed.example")
    assert (node.os, node.os_version, node.posture) == ("linux", "13", {"a": 1})
    assert [row.address for row in node.endpoints.all()] == ["203.0.113.9:1"]


def test_a_refused_fact_changes_nothing(web: Machine, key: str) -> None:
    token = web.token
    assert web.register(key, os="linux", routes=["10.1.2.0/24"]).status_code == 400
    assert web.node.os == ""
    assert web.token == token and web.call("get", "netmap").status_code == 200


def test_an_administrators_choices_survive(web: Machine, key: str) -> None:
    rename_node(node_id=web.node.pk, name="frontend", **ACT)
    set_fixed_address(node_id=web.node.pk, address="10.1.7.7", **ACT)
    body = web.register(key).json()
    assert body["node"]["name"] == "frontend"
    assert "10.1.7.7/32" in body["node"]["addresses"]


def test_a_new_session_replaces_the_old_one(web: Machine, key: str) -> None:
    old = web.token
    web.register(key)
    assert web.token != old
    assert web.call("get", "netmap", headers={"Authorization": f"Bearer {old}"}).status_code == 401
    assert web.call("get", "netmap").status_code == 200
    ends = NodeSession.objects.exclude(ended_at=None).values_list("end_reason", flat=True)
    assert list(ends) == ["replaced"]


def test_asked_for_tags_do_not_change_what_it_is(web: Machine, ana: User, key_of: KeyOf) -> None:
    web.register(key_of(ana), tags=["tag:db"])
    assert not web.node.tagged


# --- keys that ran out


def test_an_unexpired_node_key_keeps_its_expiry(web: Machine, ana: User, key_of: KeyOf, clock: Clock) -> None:
    before = web.node.key_expires_at
    clock.advance(days=30)
    web.register(key_of(ana))
    assert web.node.key_expires_at == before


@pytest.mark.parametrize("swept", [False, True])
def test_an_expired_one_gets_a_new_lifetime(web: Machine, ana: User, key_of: KeyOf, clock: Clock, swept: bool) -> None:
    now = clock.advance(days=181)
    if swept:
        expire_node(node_id=web.node.pk, cause=Cause.command(), now=now)
    assert web.register(key_of(ana)).status_code == 200
    node = web.node
    assert node.state == Node.State.ACTIVE
    assert node.key_expires_at == now + settings.GHOSTWIRE.auth.node_key_lifetime
    assert web.call("get", "netmap").status_code == 200


def test_a_used_up_key_does_not_lift_an_expiry(web: Machine, key: str, clock: Clock) -> None:
    clock.advance(days=181)
    assert web.register(key).status_code == 403


def test_an_expired_node_of_tags_gets_no_expiry(join: Join, key_of: KeyOf) -> None:
    machine = join(None, "db", tags=["tag:db"])
    expire_node(node_id=machine.node.pk, **ACT)
    assert machine.register(key_of(None, tags=["tag:db"])).status_code == 200
    assert (machine.node.state, machine.node.key_expires_at) == ("active", None)


# --- "log in again"


def test_only_a_usable_key_lifts_log_in_again(web: Machine, key: str, ana: User, key_of: KeyOf) -> None:
    revoke_session(session_id=NodeSession.objects.get().pk, **ACT)
    assert web.register(key).status_code == 403
    assert web.node.login_required
    assert web.register(key_of(ana)).status_code == 200
    assert not web.node.login_required
    assert web.call("get", "netmap").status_code == 200


# --- cut off


def test_a_disabled_node(web: Machine, ana: User, key_of: KeyOf) -> None:
    disable_node(node_id=web.node.pk, **ACT)
    response = web.register(key_of(ana))
    assert (response.status_code, response.json()["code"]) == (403, "permission")
    assert web.node.state == Node.State.DISABLED


@pytest.mark.parametrize("expired", [False, True])
def test_a_node_that_waits_for_approval_is_not_approved_by_a_login(
    web: Machine, ana: User, key_of: KeyOf, clock: Clock, expired: bool
) -> None:
    Node.objects.update(state=Node.State.PENDING)
    if expired:
        clock.advance(days=181)
    assert web.register(key_of(ana)).status_code == 403
    assert web.node.state == Node.State.PENDING


def test_a_node_of_a_disabled_person(web: Machine, ana: User, key: str) -> None:
    set_user_active(user_id=ana.pk, active=False, **ACT)
    assert web.register(key).status_code == 401


def test_a_node_that_was_given_to_tags_is_no_longer_the_persons(web: Machine, ana: User, key_of: KeyOf) -> None:
    set_tags(node_id=web.node.pk, tags=["tag:db"], **ACT)
    assert web.register(key_of(ana)).status_code == 403
    assert web.register(key_of(None, tags=["tag:db"])).status_code == 200


# --- gone


def test_a_deleted_nodes_key_is_refused_until_it_is_released(web: Machine, ana: User, key_of: KeyOf) -> None:
    delete_node(node_id=web.node.pk, **ACT)
    assert web.register(key_of(ana)).status_code == 403
    release_key(retired_key_id=RetiredKey.objects.get().pk, **ACT)
    assert web.register(key_of(ana)).status_code == 201


def test_a_deleted_nodes_own_key_is_used_up(web: Machine, key: str) -> None:
    delete_node(node_id=web.node.pk, **ACT)
    assert web.register(key).status_code == 401


def test_who_left_may_return_as_a_newcomer(web: Machine, ana: User, key_of: KeyOf) -> None:
    before = identity(web)
    assert web.call("delete", "nodes/self").status_code == 204
    web.token = None
    response = web.register(key_of(ana))
    assert response.status_code == 201
    after = identity(web)
    assert after[0] != before[0]
    assert not set(after[4]) & set(before[4])  # type: ignore[call-overload]


# --- routes


def test_routes_come_back_approved(web: Machine, key: str) -> None:
    web.register(key, routes=["192.168.7.0/24"])
    set_route_approval(node_id=web.node.pk, prefixes=["192.168.7.0/24"], approved=True, **ACT)
    web.register(key, routes=[])
    assert not web.node.routes.get().primary
    web.register(key, routes=["192.168.7.0/24"])
    route = web.node.routes.get()
    assert (route.advertised, route.approved, route.primary) == (True, True, True)
