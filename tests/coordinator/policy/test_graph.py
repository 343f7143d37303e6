"""The graph over the live network: names, states, and the same pairs that agents are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from acl.services.rules import create_rule
from coordinator.policy.graph import LiveGraph, live_graph, written_key
from coordinator.replica import REPLICAS, current_state
from mesh.change import Cause
from mesh.errors import NotFoundError
from mesh.explain.graph import GraphBy
from mesh.netmap.maps import map_json, map_pieces
from mesh.policy import Group, Policy
from nodes.models import Network, Node
from tests.coordinator.policy_calls import caller
from tests.coordinator.policy_networks import BASE, build_network, put

LATER = {"later": 0, "opens": [], "growing": 0}
pytestmark = pytest.mark.django_db


@pytest.fixture
def small(network: Network) -> Network:
    """Nodes 1 and 2 of one person, 3 of another, who is in a group; 4 and 5 carry tag:a, 5 tag:b too.

    People reach tag:a by SSH.
    """
    build_network(network)
    with transaction.atomic():
        put(network, Policy(groups=(Group("ops", frozenset({BASE + 2})),)))
    fields: dict[str, Any] = {
        "action": "accept",
        "sources": ["autogroup:member"],
        "destinations": ["tag:a"],
        "protocols": ["tcp"],
        "ports": ["22"],
    }
    create_rule(network_id=network.pk, fields=fields, cause=Cause.command(), now=timezone.now())
    REPLICAS.clear()
    return network


def graph_of(network: Network, by: GraphBy = GraphBy.TAG, **more: int) -> LiveGraph:
    return live_graph(network_id=network.pk, by=by, now=timezone.now(), **more)


def test_groups_have_the_names_that_people_know(small: Network) -> None:
    found = graph_of(small)
    assert {(written_key(group.key), found.name(group), len(group.ids)) for group in found.graph.groups} == {
        (f"user:{BASE + 1}", "u1@example.com", 2),
        (f"user:{BASE + 2}", "u2@example.com", 1),
        ("tag:a", "tag:a", 1),
        ("tag:a tag:b", "tag:a tag:b", 1),
    }


def test_tagged_machines_are_one_group_among_people(small: Network) -> None:
    found = graph_of(small, GraphBy.USER)
    assert {found.name(group) for group in found.graph.groups} == {
        "u1@example.com",
        "u2@example.com",
        "tagged machines",
    }


def test_classes_say_whose_nodes_they_hold(small: Network) -> None:
    found = graph_of(small, GraphBy.CLASS)
    assert {found.about(group) for group in found.graph.groups} >= {"tag:a tag:b", "u1@example.com"}
    assert all(found.name(group).startswith("class ") for group in found.graph.groups)


def test_the_rest_says_how_many_groups_it_is(small: Network) -> None:
    found = graph_of(small, limit=1)
    assert [found.name(group) for group in found.graph.groups][1] == "3 more"
    assert found.graph.pairs == graph_of(small).graph.pairs


@pytest.mark.parametrize("by", list(GraphBy))
def test_edges_hold_the_pairs_that_the_maps_of_agents_hold(small: Network, by: GraphBy) -> None:
    state = current_state(small.pk)
    pairs = 0
    found = graph_of(small, by)
    group = {ident: index for index, item in enumerate(found.graph.groups) for ident in item.ids}
    told: dict[tuple[int, int], int] = {}
    for node in state.topology.nodes.values():
        for peer in json.loads(map_json(map_pieces(state, node.id)))["peers"]:
            pairs += 1
            low, high = sorted((group[node.id], group[peer["id"]]))
            told[low, high] = told.get((low, high), 0) + 1
    assert {(edge.one, edge.other): 2 * edge.pairs for edge in found.graph.edges} == told
    assert pairs == 12


def test_states_are_counted_by_group(small: Network) -> None:
    first = Node.objects.filter(network=small).order_by("pk").first()
    assert first is not None
    Node.objects.filter(pk=first.pk).update(online=True, last_seen=timezone.now())
    REPLICAS.clear()
    found = graph_of(small)
    by_name = {found.name(group): counts for group, counts in zip(found.graph.groups, found.statuses(), strict=True)}
    assert by_name["u1@example.com"] == {"online": 1, "waiting": 1}
    assert found.status(first.pk) == "online"


def test_a_late_node_is_late_where_peers_take_it_for_online(small: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    Node.objects.filter(network=small).update(online=True, last_seen=timezone.now())
    REPLICAS.clear()
    late = Node.objects.filter(network=small).values_list("pk", flat=True)[0]
    monkeypatch.setattr("coordinator.policy.graph.late_ids", lambda now: [late])
    assert sum(counts.get("late", 0) for counts in graph_of(small).statuses()) == 1


def test_a_graph_is_worked_out_once_for_a_policy(small: Network) -> None:
    assert graph_of(small).graph is graph_of(small).graph
    before = graph_of(small).graph
    Node.objects.filter(network=small).first()
    create_rule(
        network_id=small.pk,
        fields={"action": "accept", "sources": ["*"], "destinations": ["*"]},
        cause=Cause.command(),
        now=timezone.now(),
    )
    after = graph_of(small).graph
    assert after is not before
    assert after.pairs == 10


def test_a_group_that_there_is_not(small: Network) -> None:
    with pytest.raises(NotFoundError):
        graph_of(small).group("tag:none")


def test_the_graph_over_the_api(small: Network) -> None:
    response = caller("auditor")("get", "policy/graph?by=user")
    assert response.status_code == 200, response.content
    body = response.json()
    assert [(group["name"], group["nodes"]) for group in body["groups"]] == [
        ("u1@example.com", 2),
        ("tagged machines", 2),
        ("u2@example.com", 1),
    ]
    people = body["edges"][0]
    assert (people["one"], people["other"], people["pairs"], people["there"]["pairs"]) == (0, 1, 4, 4)
    assert people["back"]["pairs"] == 0
    assert people["there"] == {"pairs": 4, "services": ["tcp:22"], "wider": 0, "at_times": False} | LATER
    assert sum(edge["pairs"] for edge in body["edges"]) == body["pairs"] == 6


@pytest.mark.parametrize(("role", "status"), [("support", 404), ("member", 404), ("network_admin", 200)])
def test_who_may_not_view_the_policy_knows_of_no_graph(small: Network, role: str, status: int) -> None:
    assert caller(role)("get", "policy/graph").status_code == status


@pytest.mark.parametrize("query", ["by=group", "limit=0", "limit=101", "colour=red"])
def test_a_graph_that_there_is_not(small: Network, query: str) -> None:
    assert caller("auditor")("get", f"policy/graph?{query}").status_code == 400
