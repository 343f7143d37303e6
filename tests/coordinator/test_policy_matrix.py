"""Who reaches whom, over the live network."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from acl.services.rules import create_rule
from coordinator.policy.matrix import MatrixCell, policy_matrix
from coordinator.replica import REPLICAS
from mesh.change import Cause
from mesh.explain.matrix import GroupBy
from mesh.policy import Group, Policy
from nodes.models import Network
from tests.coordinator.policy_calls import caller
from tests.coordinator.policy_networks import BASE, build_network, put


@pytest.fixture
def small(network: Network) -> Network:
    """Nodes 1 and 2 of one person, 3 of another, who is in a group; 4 and 5 carry tag:a. People reach tag:a by SSH."""
    build_network(network)
    with transaction.atomic():
        put(network, Policy(groups=(Group("ops", frozenset({BASE + 2})),)))
    fields = {
        "action": "accept",
        "sources": ["autogroup:member"],
        "destinations": ["tag:a"],
        "protocols": ["tcp"],
        "ports": ["22"],
    }
    create_rule(network_id=network.pk, fields=fields, cause=Cause.command(), now=timezone.now())
    REPLICAS.clear()
    return network


def test_rows_are_named_and_counted(small: Network) -> None:
    found = policy_matrix(network_id=small.pk, by=GroupBy.USER)
    assert [(row.name, row.nodes) for row in found.rows] == [("user:u1@example.com", 2), ("user:u2@example.com", 1)]
    assert found.cells == ()


def test_a_group_stands_for_its_members_nodes(small: Network) -> None:
    found = policy_matrix(network_id=small.pk, by=GroupBy.GROUP)
    assert [(row.name, row.nodes) for row in found.rows] == [("group:ops", 1)]


def test_a_cell_says_how_many_pairs_and_on_which_services(small: Network) -> None:
    found = policy_matrix(network_id=small.pk, by=GroupBy.CLASS)
    total = sum(cell.pairs for cell in found.cells)
    assert total == 6
    assert {cell.services for cell in found.cells} == {("tcp:22",)}
    assert all(isinstance(cell, MatrixCell) and cell.pairs <= cell.possible for cell in found.cells)


def test_rows_that_do_not_fit_are_counted(small: Network) -> None:
    found = policy_matrix(network_id=small.pk, by=GroupBy.USER, limit=1)
    assert ([row.nodes for row in found.rows], found.left_out) == ([2], 1)


def test_the_matrix_over_the_api(small: Network) -> None:
    response = caller("auditor")("get", "policy/matrix?by=tag")
    assert response.status_code == 200, response.content
    body = response.json()
    assert body["by"] == "tag"
    assert {"name": "tag:a", "nodes": 2} in body["rows"]


@pytest.mark.parametrize("query", ["by=colour", "by=tag&limit=0", "by=tag&limit=1000"])
def test_a_matrix_that_there_is_not(small: Network, query: str) -> None:
    assert caller("auditor")("get", f"policy/matrix?{query}").status_code == 400
