"""Lists and pages ask the database as often for 200 rows as for few."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from acl.models import AclRule, Group, TagOwner
from coordinator.replica import current_state
from nodes.models import Address, Change, Endpoint, Node, Observation, RelayRegion, RetiredKey, Route
from sessions_app.models import AuthKey, Enrolment, NodeSession, User
from tests import factories as make
from tests.portal.pages import page_url

pytestmark = pytest.mark.django_db

MAKERS: dict[type[Model], Any] = {
    Node: lambda net, n: make.AddressFactory(node=make.TaggedNodeFactory(network=net), number=n + 2),
    Address: lambda net, n: make.AddressFactory(node=make.NodeFactory(network=net), number=n + 2),
    Route: lambda net, n: make.RouteFactory(node=make.NodeFactory(network=net)),
    Endpoint: lambda net, n: make.EndpointFactory(node=make.NodeFactory(network=net)),
    Observation: lambda net, n: make.ObservationFactory(node=make.NodeFactory(network=net)),
    RetiredKey: lambda net, n: make.RetiredKeyFactory(network=net),
    RelayRegion: lambda net, n: make.RelayServerFactory(region=make.RelayRegionFactory(network=net)),
    Change: lambda net, n: make.ChangeFactory(
        network=net, kind="nodes", facts={"nodes": [{"id": make.NodeFactory(network=net).pk}]}, actor=f"node:{n}"
    ),
    Group: lambda net, n: make.GroupMemberFactory(group=make.GroupFactory(network=net)),
    TagOwner: lambda net, n: make.TagOwnerFactory(network=net, owners=[f"user#{make.UserFactory().pk}"]),
    AclRule: lambda net, n: make.AclRuleFactory(
        network=net,
        sources=[f"user#{make.UserFactory().pk}"],
        destinations=[f"node#{make.NodeFactory(network=net).pk}"],
    ),
    User: lambda net, n: make.NodeFactory(network=net),
    AuthKey: lambda net, n: make.AuthKeyFactory(network=net),
    Enrolment: lambda net, n: make.EnrolmentFactory(network=net),
    NodeSession: lambda net, n: make.NodeSessionFactory(node=make.NodeFactory(network=net)),
}


def queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)
def test_list_of_200_rows(model: type[Model], client: Client, network: Any) -> None:
    for number in range(3):
        MAKERS[model](network, number)
    address = page_url(model, "changelist")
    few = queries(client, address)
    for number in range(3, 200):
        MAKERS[model](network, number)
    many = queries(client, address)
    assert many <= few + 1
    assert many <= 30


def test_overview_and_node_page(client: Client, network: Any) -> None:
    for number in range(200):
        node = make.NodeFactory(network=network)
        make.AddressFactory(node=node, number=number + 2)
        make.ChangeFactory(network=network, kind="nodes", facts={"nodes": [{"id": node.pk}]}, actor=f"node:{node.pk}")
    assert queries(client, "/admin/") <= 30
    assert queries(client, page_url(Node, "change", node.pk)) <= 30


def test_confirmation_of_50_nodes(client: Client, network: Any) -> None:
    nodes = make.NodeFactory.create_batch(50, network=network)
    for node in nodes:
        make.RouteFactory(node=node, approved=True)
        make.NodeSessionFactory(node=node)
    ticked = {"action": "delete", "index": 0, "_selected_action": [node.pk for node in nodes]}
    current_state(network.pk)  # as every process that serves pages has it
    with CaptureQueriesContext(connection) as captured:
        client.post(page_url(Node, "changelist"), ticked)
    assert len(captured) <= 36
