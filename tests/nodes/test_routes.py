"""Routes: what is offered, what is approved, and one router a prefix."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh.addressing import pack
from mesh.change import Cause
from mesh.errors import NotFoundError, ValidationError
from nodes.models import Change, Network, Node, Route
from nodes.services.presence import mark_offline, mark_online
from nodes.services.routes import (
    DEFAULT_ROUTES,
    elect_primaries,
    parse_prefixes,
    prefixes_of,
    replace_routes,
    set_route_approval,
)
from sessions_app.models import User
from tests.factories import NetworkFactory, NodeFactory, RouteFactory, UserFactory
from tests.fixtures import START

pytestmark = pytest.mark.django_db
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}
LAN = "192.168.7.0/24"


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory(ipv6_range="fd00:1::/48")
    return made


def offer(node: Node, *prefixes: str) -> list[str]:
    return replace_routes(node_id=node.pk, prefixes=prefixes, **ACT)


def approve(node: Node, *prefixes: str, approved: bool = True) -> None:
    set_route_approval(node_id=node.pk, prefixes=prefixes, approved=approved, **ACT)


def primary_of(network: Network, prefix: str = LAN) -> list[int]:
    return list(Route.objects.filter(network=network, prefix=prefix, primary=True).values_list("node_id", flat=True))


def router(network: Network, *prefixes: str, **facts: Any) -> Node:
    """A node with approved routes."""
    node: Node = NodeFactory(network=network, **facts)
    offer(node, *prefixes)
    approve(node, *prefixes)
    return node


def changed_nodes() -> set[int]:
    return {fact["id"] for fact in Change.objects.latest("version").facts["nodes"]}


# --- which prefixes


def test_normal_form_without_doubles(network: Network) -> None:
    assert parse_prefixes(network, ["2001:DB8::/32", "192.168.7.9", LAN, LAN, "0.0.0.0/0"]) == [
        "2001:db8::/32",
        "192.168.7.9/32",
        LAN,
        "0.0.0.0/0",
    ]


OF_THE_MESH = ["10.1.0.0/16", "10.0.0.0/8", "10.1.2.3/32", "fd00:1::/48", "fd00:1:0:7::/64", "fd00::/8"]
OF_NO_USE = ["127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10", "224.0.0.0/4", "ff00::/8", "0.0.0.0/32", "::/128"]
NO_PREFIXES = ["192.168.7.1/24", "::ffff:192.168.7.0/120", "2001:db8::%eth0/32", "nonsense", ""]


@pytest.mark.parametrize("prefix", [*OF_THE_MESH, *OF_NO_USE, *NO_PREFIXES])
def test_prefixes_that_nobody_serves(network: Network, prefix: str) -> None:
    with pytest.raises(ValidationError) as error:
        parse_prefixes(network, [LAN, prefix])
    assert [item.field for item in error.value.errors] == ["routes.1"]


def test_a_prefix_spans_its_addresses_for_the_index(network: Network) -> None:
    offer(NodeFactory(network=network), LAN)
    route = Route.objects.get()
    assert (route.first, route.last) == (pack(ip_address("192.168.7.0")), pack(ip_address("192.168.7.255")))


# --- offering and approving


def test_an_offer_is_not_in_force(network: Network) -> None:
    node = NodeFactory(network=network)
    assert offer(node, LAN) == [LAN]
    assert primary_of(network) == []


def test_an_approval_makes_it_so(network: Network) -> None:
    node = router(network, LAN)
    assert primary_of(network) == [node.pk]
    assert changed_nodes() == {node.pk}


def test_a_withdrawn_offer_keeps_its_approval(network: Network) -> None:
    node = router(network, LAN)
    offer(node)
    assert primary_of(network) == []
    offer(node, LAN)
    assert primary_of(network) == [node.pk]


def test_a_withdrawn_approval(network: Network) -> None:
    node = router(network, LAN)
    approve(node, LAN, approved=False)
    assert primary_of(network) == []
    assert Route.objects.get().advertised


def test_neither_offered_nor_approved_is_gone(network: Network) -> None:
    node = router(network, LAN)
    offer(node)
    approve(node, LAN, approved=False)
    assert not Route.objects.exists()


@pytest.mark.parametrize("prefix", ["192.168.8.0/24", "nonsense"])
def test_what_was_never_offered_is_not_approved(network: Network, prefix: str) -> None:
    node = router(network, LAN)
    with pytest.raises(NotFoundError):
        approve(node, LAN, prefix)


def test_approving_twice_is_no_change(network: Network) -> None:
    node = router(network, LAN)
    before = Change.objects.count()
    approve(node, LAN)
    assert Change.objects.count() == before


def test_of_a_node_that_is_gone(db: None) -> None:
    with pytest.raises(NotFoundError):
        replace_routes(node_id=9, prefixes=[LAN], **ACT)
    with pytest.raises(NotFoundError):
        set_route_approval(node_id=9, prefixes=[LAN], approved=True, **ACT)


# --- who is primary


def test_the_lowest_id_serves_and_a_standby_waits(network: Network) -> None:
    first, second = NodeFactory(network=network), NodeFactory(network=network)
    for node in (second, first):
        offer(node, LAN)
        approve(node, LAN)
    assert primary_of(network) == [second.pk]
    approve(second, LAN, approved=False)
    assert primary_of(network) == [first.pk]


def test_whose_turn_it_is_belongs_into_the_change(network: Network) -> None:
    first, second = router(network, LAN), router(network, LAN)
    offer(first)
    assert primary_of(network) == [second.pk]
    assert changed_nodes() == {first.pk, second.pk}


def test_the_present_one_stays(network: Network) -> None:
    first, second = router(network, LAN), router(network, LAN)
    offer(first)
    offer(first, LAN)
    assert primary_of(network) == [second.pk]
    assert changed_nodes() == {first.pk}


@pytest.mark.parametrize(
    "fact", [{"state": "disabled"}, {"state": "expired"}, {"state": "pending"}, {"login_required": True}]
)
def test_who_takes_no_part_serves_nothing(network: Network, fact: dict[str, Any]) -> None:
    first, second = router(network, LAN), router(network, LAN)
    Node.objects.filter(pk=first.pk).update(**fact)
    assert elect_primaries(network=network, prefixes=[LAN]) == {first.pk, second.pk}
    assert primary_of(network) == [second.pk]


def test_nor_do_a_disabled_persons_routers(network: Network) -> None:
    first, second = router(network, LAN), router(network, LAN, owner=None)
    assert first.owner is not None
    User.objects.filter(pk=first.owner.pk).update(is_active=False)
    elect_primaries(network=network, prefixes=[LAN])
    assert primary_of(network) == [second.pk]


def test_every_exit_node_serves(network: Network) -> None:
    nodes = [router(network, *DEFAULT_ROUTES) for _ in range(2)]
    assert (
        sorted(primary_of(network, "0.0.0.0/0")) == sorted(primary_of(network, "::/0")) == [node.pk for node in nodes]
    )


def test_an_election_of_nothing(network: Network) -> None:
    assert elect_primaries(network=network, prefixes=[]) == set()


def test_networks_elect_for_themselves(network: Network) -> None:
    mine, other = router(network, LAN), router(NetworkFactory(), LAN)
    assert (primary_of(network), primary_of(other.network)) == ([mine.pk], [other.pk])


def test_prefixes_of_several_nodes(network: Network) -> None:
    first, second = router(network, LAN), router(network, LAN, "192.168.8.0/24")
    router(network, "192.168.9.0/24")
    assert sorted(prefixes_of([first.pk, second.pk])) == [LAN, "192.168.8.0/24"]


# --- routers that fall silent


@pytest.fixture
def pair(network: Network) -> tuple[Node, Node]:
    """Two routers of one prefix, both online; the first is primary."""
    first, second = (NodeFactory(network=network, online=True) for _ in range(2))
    for node in (first, second):
        offer(node, LAN)
        approve(node, LAN)
    assert primary_of(network) == [first.pk]
    return first, second


def silent(node: Node) -> None:
    mark_offline(network_id=node.network_id, last_seen={node.pk: START}, **ACT)


def back(node: Node) -> None:
    mark_online(network_id=node.network_id, node_ids=[node.pk], **ACT)


def test_a_standby_takes_over_from_a_silent_router(network: Network, pair: tuple[Node, Node]) -> None:
    first, second = pair
    before = Network.objects.get().map_version
    silent(first)
    assert primary_of(network) == [second.pk]
    changes = Change.objects.filter(version__gt=before).order_by("version")
    assert [change.kind for change in changes] == ["presence", "nodes"]
    told = {fact["id"]: fact["routes"][0]["primary"] for fact in changes[1].facts["nodes"]}
    assert told == {first.pk: False, second.pk: True}


def test_who_comes_back_does_not_take_it_away(network: Network, pair: tuple[Node, Node]) -> None:
    first, second = pair
    silent(first)
    before = Network.objects.get().map_version
    back(first)
    assert primary_of(network) == [second.pk]
    assert Network.objects.get().map_version == before + 1


def test_one_that_flaps_moves_it_once(network: Network, pair: tuple[Node, Node]) -> None:
    first, _ = pair
    before = Change.objects.filter(kind="nodes").count()
    for _ in range(5):
        silent(first)
        back(first)
    assert Change.objects.filter(kind="nodes").count() == before + 1


def test_while_all_are_silent_it_stays_where_it_is(network: Network, pair: tuple[Node, Node]) -> None:
    first, second = pair
    silent(second)
    before = Network.objects.get().map_version
    silent(first)
    assert primary_of(network) == [first.pk]
    assert Network.objects.get().map_version == before + 1


def test_the_first_to_come_back_serves(network: Network, pair: tuple[Node, Node]) -> None:
    first, second = pair
    silent(second)
    silent(first)
    back(second)
    assert primary_of(network) == [second.pk]


def test_a_lone_router_keeps_its_prefix_while_it_is_silent(network: Network) -> None:
    node = NodeFactory(network=network, online=True)
    offer(node, LAN)
    approve(node, LAN)
    silent(node)
    assert primary_of(network) == [node.pk]


def test_the_database_knows_one_primary(network: Network) -> None:
    router(network, LAN)
    with pytest.raises(IntegrityError), transaction.atomic():
        RouteFactory(node=NodeFactory(network=network), prefix=LAN, approved=True, primary=True)


@pytest.mark.parametrize("facts", [{"approved": False}, {"advertised": False}])
def test_the_database_knows_no_primary_out_of_force(network: Network, facts: dict[str, bool]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        RouteFactory(node=NodeFactory(network=network), **({"approved": True, "primary": True} | facts))


PREFIXES = [LAN, "192.168.8.0/24", "0.0.0.0/0"]
steps = st.lists(
    st.tuples(
        st.sampled_from(["offer", "approve", "withdraw", "state"]),
        st.integers(0, 2),
        st.sets(st.sampled_from(PREFIXES)),
    ),
    max_size=25,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_at_most_one_router_a_prefix_and_one_wherever_one_can(
    plan: list[tuple[str, int, set[str]]],
) -> None:
    with transaction.atomic():
        network = NetworkFactory()
        nodes = [NodeFactory(network=network, owner=UserFactory()) for _ in range(3)]
        for action, index, prefixes in plan:
            node, held = nodes[index], set(prefixes_of([nodes[index].pk]))
            if action == "offer":
                offer(node, *sorted(prefixes))
            elif action == "state":
                node.refresh_from_db()
                state = "active" if node.state == "disabled" else "disabled"
                Node.objects.filter(pk=node.pk).update(state=state)
                elect_primaries(network=network, prefixes=prefixes_of([node.pk]))
            else:
                approve(node, *sorted(prefixes & held), approved=action == "approve")
            for prefix in PREFIXES:
                able = set(
                    Route.objects.filter(
                        network=network, prefix=prefix, advertised=True, approved=True, node__state="active"
                    ).values_list("node_id", flat=True)
                )
                serving = primary_of(network, prefix)
                if prefix in DEFAULT_ROUTES:
                    assert set(serving) == able
                else:
                    assert set(serving) <= able and len(serving) == bool(able)
        transaction.set_rollback(True)
