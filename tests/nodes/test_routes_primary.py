"""One router a prefix: who it is, and who follows when it falls silent."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodes.models import Change, Network, Node, Route
from nodes.services.presence import mark_offline, mark_online
from nodes.services.routes import (
    DEFAULT_ROUTES,
    elect_primaries,
    prefixes_of,
)
from sessions_app.models import User
from tests.factories import NetworkFactory, NodeFactory, RouteFactory, UserFactory
from tests.fixtures import START
from tests.nodes.routing import ACT, LAN, approve, changed_nodes, offer, primary_of, router

pytestmark = pytest.mark.django_db


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory(ipv6_range="fd00:1::/48")
    return made


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
