"""What an act on nodes is said to cut is what it cuts: it is done, and both states are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.consequences import Consequences, loss_text, of_leaving, of_owner, of_tags, of_withdrawal
from coordinator.lifecycle import delete_node, disable_node, expire_node, set_tags
from coordinator.ownership import give_node
from coordinator.replica import REPLICAS, current_state
from mesh.change import Cause
from mesh.explain import explain
from mesh.netmap.state import State
from mesh.policy import Action, Policy, Rule
from mesh.policy import selectors as s
from nodes.models import Network, Route
from nodes.services.routes import set_route_approval
from sessions_app.services.sessions import revoke_session
from tests.coordinator.policy_networks import BASE, build_network, put, with_rows
from tests.factories import NodeSessionFactory, RouteFactory
from tests.mesh.policy.strategies import policies

Pairs = set[tuple[int, int]]
NOW = timezone.now()


class UndoneError(Exception):
    """Takes back what a check did to the database."""


def pairs_of(state: State) -> Pairs:
    ids = [ident for ident, _ in state.policy.world.nodes.items()]
    return {(one, two) for one in ids for two in state.policy.peers_of(one) if one < two}


def served(state: State) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for ident, node in state.policy.world.nodes.items():
        for route in node.routes:
            found.setdefault(str(route), set()).add(ident)
    return found


def do(act: str, node_ids: Sequence[int], tags: Sequence[str], now: datetime) -> None:
    how: dict[str, Any] = {"cause": Cause.command(), "now": now}
    for node_id in node_ids:
        match act:
            case "disable":
                disable_node(node_id=node_id, **how)
            case "delete":
                delete_node(node_id=node_id, forced=True, **how)
            case "expire":
                expire_node(node_id=node_id, **how)
            case "tag":
                set_tags(node_id=node_id, tags=tags, **how)
            case "give":
                give_node(node_id=node_id, owner_id=BASE + 2, **how)


def foretold(network: Network, act: str, node_ids: Sequence[int], tags: Sequence[str]) -> Consequences:
    if act == "tag":
        return of_tags(network_id=network.pk, tags=dict.fromkeys(node_ids, tags))
    if act == "give":
        return of_owner(network_id=network.pk, node_ids=node_ids, owner_id=BASE + 2)
    return of_leaving(network_id=network.pk, node_ids=node_ids)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    policy=policies(),
    act=st.sampled_from(["disable", "delete", "expire", "tag", "give"]),
    node_ids=st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True),
    tags=st.sampled_from([["tag:a"], ["tag:b"], ["tag:a", "tag:b"]]),
)
def test_what_is_foretold_is_what_happens(
    network: Network, policy: Policy, act: str, node_ids: list[int], tags: list[str]
) -> None:
    try:
        with transaction.atomic():
            build_network(network)
            put(network, with_rows(policy))
            before = current_state(network.pk)
            said = foretold(network, act, node_ids, tags)
            do(act, node_ids, tags, NOW)
            REPLICAS.clear()
            after = current_state(network.pk)
            was, now = pairs_of(before), pairs_of(after)
            assert said.pairs == len(was - now)
            assert {loss.node_id: (loss.peers, loss.gained) for loss in said.losses} == {
                loss.node_id: (
                    sum(loss.node_id in pair for pair in was - now),
                    sum(loss.node_id in pair for pair in now - was),
                )
                for loss in said.losses
            }
            acted = {loss.node_id for loss in said.losses}
            assert said.others == len({ident for pair in was - now for ident in pair} - acted)
            assert {item.prefix for item in said.networks} == served(before).keys() - served(after).keys()
            raise UndoneError
    except UndoneError:
        REPLICAS.clear()


def accept(source: s.Selector, destination: s.Selector) -> Policy:
    return Policy(rules=(Rule(1, 1, Action.ACCEPT, (source,), (destination,)),))


@pytest.fixture
def open_network(network: Network) -> Network:
    """Nodes 1 to 5 see each other. Node 2 routes 10.9.0.0/30, node 4 10.9.0.4/30, node 5 is the exit node."""
    build_network(network)
    with transaction.atomic():
        put(network, accept(s.ANY, s.ANY))
    Route.objects.update(primary=True)
    REPLICAS.clear()
    return network


def leave(network: Network, *node_ids: int) -> Consequences:
    return of_leaving(network_id=network.pk, node_ids=node_ids)


def test_the_nodes_that_lose_a_network_are_those_that_explain_lets_in(open_network: Network) -> None:
    [lost] = leave(open_network, 4).networks
    compiled = current_state(open_network.pk).policy
    inside = ip_address("10.9.0.5")
    reached = [ident for ident in (1, 2, 3, 5) if explain(compiled, ident, inside, protocol=6, port=1).accepted]
    assert (lost.prefix, lost.nodes) == ("10.9.0.4/30", len(reached))


def test_a_standby_takes_over(open_network: Network) -> None:
    RouteFactory(node_id=1, node=None, network=open_network, prefix="10.9.0.4/30", approved=True)
    REPLICAS.clear()
    [loss] = leave(open_network, 4).losses
    assert not loss.networks
    assert [(item.router_id, item.silent) for item in loss.moved] == [(1, True)]
    assert "hands 10.9.0.4/30 to n1, which is offline" in loss_text(loss)


def test_two_routers_of_one_network_that_go_together(open_network: Network) -> None:
    RouteFactory(node_id=1, node=None, network=open_network, prefix="10.9.0.4/30", approved=True)
    REPLICAS.clear()
    found = leave(open_network, 1, 4)
    assert [(item.prefix, item.nodes) for item in found.networks] == [("10.9.0.4/30", 3)]
    assert "is with n1 the last routers of 10.9.0.4/30: 3 nodes lose it" in loss_text(found.losses[0])


def test_the_worst_comes_first(open_network: Network) -> None:
    assert leave(open_network, 1, 3, 4).losses[0].node_id == 4


def test_the_only_exit_node(open_network: Network) -> None:
    [loss] = leave(open_network, 5).losses
    assert loss.is_worst
    assert "is the only exit node" in loss_text(loss)


def test_a_session_ends(open_network: Network) -> None:
    NodeSessionFactory(node_id=1, node=None)
    REPLICAS.clear()
    session = open_network.nodes.get(pk=1).sessions.get()
    [loss] = leave(open_network, 1).losses
    assert loss.session
    revoke_session(session_id=session.pk, cause=Cause.command(), now=NOW)
    REPLICAS.clear()
    assert current_state(open_network.pk).policy.peers_of(1) == []
    assert loss.peers == 4


def test_one_that_takes_no_part_loses_nothing(open_network: Network) -> None:
    disable_node(node_id=3, cause=Cause.command(), now=NOW)
    [loss] = leave(open_network, 3).losses
    assert (loss.takes_part, loss.peers) == (False, 0)
    assert loss_text(loss) == "takes no part in the mesh now"


def test_a_withdrawn_route(open_network: Network) -> None:
    said = of_withdrawal(network_id=open_network.pk, routes=[(4, "10.9.0.4/30")])
    set_route_approval(node_id=4, prefixes=["10.9.0.4/30"], approved=False, cause=Cause.command(), now=NOW)
    REPLICAS.clear()
    assert "10.9.0.4/30" not in served(current_state(open_network.pk))
    assert [item.prefix for item in said.networks] == ["10.9.0.4/30"]
    assert said.pairs == 0


def test_nobody_who_is_not_there(open_network: Network) -> None:
    assert leave(open_network, 99).losses == ()


@pytest.mark.parametrize("question", [lambda pk: of_leaving(network_id=pk, node_ids=[1])])
def test_it_writes_nothing(
    open_network: Network, question: Callable[[int], Consequences], django_assert_num_queries: Any
) -> None:
    current_state(open_network.pk)
    with django_assert_num_queries(1):
        question(open_network.pk)
