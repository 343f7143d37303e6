"""Routes that the policy approves by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from acl.models import AutoApproval
from acl.services.apply import apply_policy
from acl.services.approvals import approve_routes
from acl.services.policy import activate_policy
from mesh.change import Cause
from mesh.policy import Group, Policy, RouteApprover, parse_prefix
from mesh.policy import selectors as s
from nodes.changes import lock_network
from nodes.models import Change, Network, Node, Route
from nodes.services.routes import set_route_approval, write_advertised_routes
from tests.factories import NOW, NetworkFactory, NodeFactory, TaggedNodeFactory, UserFactory

pytestmark = pytest.mark.django_db
ACT: dict[str, Any] = {"cause": Cause.command(), "now": NOW}
SUBNET = "10.33.0.0/16"
ROUTER = Policy(route_approvers=(RouteApprover(parse_prefix("10.32.0.0/14"), (s.tag("tag:router"),)),))
EXIT = Policy(exit_approvers=(s.tag("tag:router"),))
NONE = Policy()


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory()
    return made


@pytest.fixture
def router(network: Network) -> Node:
    made: Node = TaggedNodeFactory(network=network, name="router", tags=["tag:router"])
    return made


@transaction.atomic
def put(network: Network, policy: Policy) -> None:
    locked = lock_network(network.pk)
    apply_policy(network=locked, policy=policy)
    activate_policy(network=locked, **ACT)


@transaction.atomic
def advertise(node: Node, *prefixes: str) -> set[int]:
    locked = lock_network(node.network_id)
    write_advertised_routes(network=locked, node=node, prefixes=prefixes)
    return approve_routes(network=locked, node_ids=[node.pk], now=NOW)


def route(node: Node, prefix: str = SUBNET) -> Route:
    return Route.objects.get(node=node, prefix=prefix)


def is_marked(node: Node, prefix: str = SUBNET) -> bool:
    return AutoApproval.objects.filter(node=node, prefix=prefix).exists()


def test_a_route_of_a_qualifying_node_is_approved_as_it_is_advertised(network: Network, router: Node) -> None:
    put(network, ROUTER)
    assert advertise(router, SUBNET) == {router.pk}
    assert route(router).approved and route(router).primary
    assert is_marked(router)


def test_a_route_outside_the_approved_prefix_waits(network: Network, router: Node) -> None:
    put(network, ROUTER)
    advertise(router, "10.40.0.0/16")
    assert not route(router, "10.40.0.0/16").approved


def test_a_route_wider_than_the_approved_prefix_waits(network: Network, router: Node) -> None:
    put(network, ROUTER)
    advertise(router, "10.32.0.0/13")
    assert not route(router, "10.32.0.0/13").approved


def test_a_route_of_another_node_waits(network: Network) -> None:
    put(network, ROUTER)
    other = TaggedNodeFactory(network=network, tags=["tag:web"])
    advertise(other, SUBNET)
    assert not route(other).approved


def test_a_new_policy_approves_what_is_advertised_already(network: Network, router: Node) -> None:
    advertise(router, SUBNET)
    put(network, ROUTER)
    assert route(router).approved
    change = Change.objects.filter(network=network, kind="nodes").latest("version")
    [told] = change.facts["nodes"]
    assert told["routes"][0]["approved"] is True


def test_an_automatic_approval_goes_with_the_policy_that_gave_it(network: Network, router: Node) -> None:
    put(network, ROUTER)
    advertise(router, SUBNET)
    put(network, NONE)
    assert not route(router).approved and not route(router).primary
    assert not is_marked(router)


def test_what_a_person_approved_stays_when_the_policy_would_not(network: Network, router: Node) -> None:
    advertise(router, SUBNET)
    set_route_approval(node_id=router.pk, prefixes=[SUBNET], approved=True, **ACT)
    put(network, ROUTER)
    put(network, NONE)
    assert route(router).approved


def test_what_a_person_approved_stays_beside_what_the_policy_approves(network: Network, router: Node) -> None:
    put(network, ROUTER)
    advertise(router, SUBNET, "10.40.0.0/16")
    set_route_approval(node_id=router.pk, prefixes=["10.40.0.0/16"], approved=True, **ACT)
    put(network, replace(ROUTER, groups=(Group("new"),)))
    assert route(router, "10.40.0.0/16").approved
    assert not is_marked(router, "10.40.0.0/16")


def test_what_a_person_took_back_is_not_given_again(network: Network, router: Node) -> None:
    put(network, ROUTER)
    advertise(router, SUBNET)
    set_route_approval(node_id=router.pk, prefixes=[SUBNET], approved=False, **ACT)
    advertise(router, SUBNET)
    put(network, replace(ROUTER, groups=(Group("new"),)))
    assert not route(router).approved


def test_what_a_person_took_back_is_given_by_the_next_policy_that_gives_it_anew(network: Network, router: Node) -> None:
    put(network, ROUTER)
    advertise(router, SUBNET)
    set_route_approval(node_id=router.pk, prefixes=[SUBNET], approved=False, **ACT)
    put(network, NONE)
    put(network, ROUTER)
    assert route(router).approved


def take_back(node: Node) -> None:
    set_route_approval(node_id=node.pk, prefixes=[SUBNET], approved=False, **ACT)


def test_a_router_that_offers_a_route_anew_is_not_rid_of_what_a_person_took_back(
    network: Network, router: Node
) -> None:
    put(network, ROUTER)
    advertise(router, SUBNET)
    take_back(router)
    advertise(router)
    assert not Route.objects.filter(node=router).exists()
    advertise(router, SUBNET)
    assert not route(router).approved


def test_an_approval_that_was_taken_back_while_the_route_was_not_offered_is_not_given_again(
    network: Network, router: Node
) -> None:
    put(network, ROUTER)
    advertise(router, SUBNET)
    advertise(router)
    take_back(router)
    advertise(router, SUBNET)
    assert not route(router).approved


def test_what_a_person_approved_before_the_policy_did_and_took_back_is_not_given_again(
    network: Network, router: Node
) -> None:
    advertise(router, SUBNET)
    set_route_approval(node_id=router.pk, prefixes=[SUBNET], approved=True, **ACT)
    put(network, ROUTER)
    take_back(router)
    advertise(router, SUBNET)
    assert not route(router).approved


def test_what_a_person_gave_back_is_a_persons_approval(network: Network, router: Node) -> None:
    put(network, ROUTER)
    advertise(router, SUBNET)
    take_back(router)
    advertise(router, SUBNET)
    set_route_approval(node_id=router.pk, prefixes=[SUBNET], approved=True, **ACT)
    put(network, NONE)
    assert route(router).approved
    assert not is_marked(router)


def test_a_route_that_comes_back_keeps_its_automatic_approval(network: Network, router: Node) -> None:
    put(network, ROUTER)
    advertise(router, SUBNET)
    advertise(router)
    advertise(router, SUBNET)
    assert route(router).approved
    put(network, NONE)
    assert not route(router).approved


def test_a_node_that_lost_its_tag_loses_its_automatic_approvals(network: Network, router: Node) -> None:
    put(network, ROUTER)
    advertise(router, SUBNET)
    router.tags.update(tag="tag:web")
    assert advertise(router, SUBNET) == {router.pk}
    assert not route(router).approved


@pytest.mark.parametrize("prefix", ["0.0.0.0/0", "::/0"])
def test_an_exit_node_needs_an_exit_approver(network: Network, router: Node, prefix: str) -> None:
    everything = RouteApprover(parse_prefix(prefix), (s.tag("tag:router"),))
    put(network, Policy(route_approvers=(everything,)))
    advertise(router, prefix)
    assert not route(router, prefix).approved
    put(network, EXIT)
    assert route(router, prefix).approved


def test_an_exit_approver_approves_no_subnet(network: Network, router: Node) -> None:
    put(network, EXIT)
    advertise(router, SUBNET)
    assert not route(router).approved


def test_the_machine_of_a_groups_member_qualifies(network: Network) -> None:
    ana = UserFactory()
    node = NodeFactory(network=network, owner=ana)
    approver = RouteApprover(parse_prefix(SUBNET), (s.group("outer"),))
    groups = (Group("inner", frozenset({ana.pk})), Group("outer", frozenset(), frozenset({"inner"})))
    put(network, Policy(groups=groups, route_approvers=(approver,)))
    advertise(node, SUBNET)
    assert route(node).approved


def test_a_tagged_machine_qualifies_by_its_tags_alone(network: Network, router: Node) -> None:
    put(network, Policy(route_approvers=(RouteApprover(parse_prefix(SUBNET), (s.MEMBER,)),)))
    advertise(router, SUBNET)
    assert not route(router).approved


def test_another_router_takes_over_when_an_approval_is_taken_back(network: Network, router: Node) -> None:
    put(network, ROUTER)
    advertise(router, SUBNET)
    standby = TaggedNodeFactory(network=network, tags=["tag:web"])
    advertise(standby, SUBNET)
    set_route_approval(node_id=standby.pk, prefixes=[SUBNET], approved=True, **ACT)
    put(network, NONE)
    assert route(standby).primary
    change = Change.objects.filter(network=network, kind="nodes").latest("version")
    assert {item["id"] for item in change.facts["nodes"]} == {router.pk, standby.pk}


def test_without_auto_approvers_nothing_is_read(network: Network, router: Node, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        assert approve_routes(network=network, node_ids=[router.pk], now=NOW) == set()
