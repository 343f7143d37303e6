"""Finding rows: names, owners, tags, addresses, CIDRs, keys; and filters that survive nonsense."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from django.test import Client

from nodes.models import Address, Node, Route
from sessions_app.models import PortalSession
from tests import factories as make
from tests.portal.pages import admin_of, page_url, text_of

pytestmark = pytest.mark.django_db

OURS = [
    model
    for label in ("nodes", "acl", "sessions_app")
    for model in apps.get_app_config(label).get_models()
    if model is not PortalSession  # it has no pages
]
NONSENSE = ["\x00", "%", "'", "é" * 200, "99999999999999999999999", "::/0", "10.0.0.0/99", "-1", "tag:", "a" * 5000]


@pytest.fixture
def web(network: Any) -> Node:
    node: Node = make.TaggedNodeFactory(network=network, name="web-3", hostname="Web.Local", tags=["tag:web"])
    make.AddressFactory(node=node, number=7)
    make.AddressFactory(node=node, number=7, family=6)
    make.RouteFactory(node=node, prefix="10.40.0.0/16")
    other = make.NodeFactory(network=network, name="db", owner=make.UserFactory(username="ana", display_name="Ana K"))
    make.AddressFactory(node=other, number=700)
    return node


def found(client: Client, query: str) -> list[str]:
    response = client.get(page_url(Node, "changelist"), {"q": query})
    return [node.name for node in response.context["cl"].result_list]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("web", ["web-3"]),
        ("local", ["web-3"]),
        ("tag:web", ["web-3"]),
        ("ana", ["db"]),
        ("Ana K", ["db"]),
        ("10.1.0.7", ["web-3"]),
        ("10.1.0.0/24", ["web-3"]),
        ("10.1.0.0/16", ["db", "web-3"]),
        ("fd12:3456:789a::7", ["web-3"]),
        ("FD12:3456:789A:0::/64", ["web-3"]),
        ("10.40.3.3", ["web-3"]),
        ("10.1.2", ["db"]),
        ("nothing", []),
        ("web nothing", []),
    ],
)
def test_nodes(client: Client, web: Node, query: str, names: list[str]) -> None:
    assert sorted(found(client, query)) == sorted(names)


def test_node_by_the_first_letters_of_its_key(client: Client, web: Node) -> None:
    assert "web-3" in found(client, web.public_key[:12])


def test_nothing_found_says_where_it_looked(client: Client, web: Node) -> None:
    said = text_of(client.get(page_url(Node, "changelist") + "?q=mongo-eu"))
    assert "No node matches" in said
    assert "mongo-eu" in said


def test_routes_that_cover_an_address(client: Client, web: Node) -> None:
    response = client.get(page_url(Route, "changelist"), {"q": "10.40.9.9"})
    assert response.context["cl"].result_count == 1


def test_addresses_of_a_cidr(client: Client, web: Node) -> None:
    response = client.get(page_url(Address, "changelist"), {"q": "10.1.0.0/24"})
    assert [row.address for row in response.context["cl"].result_list] == ["10.1.0.7"]


@pytest.mark.parametrize("filters", ["owner=%s", "tag=web", "os=linux", "agent=0.1.0", "key=never", "key=7"])
def test_node_filters(client: Client, web: Node, filters: str) -> None:
    owner = Node.objects.get(name="db").owner_id
    query = filters % owner if "%s" in filters else filters
    expected = {"owner": 1, "tag": 1, "os": 2, "agent": 2, "key": 0 if filters == "key=7" else 2}[query.split("=")[0]]
    assert client.get(page_url(Node, "changelist") + f"?{query}").context["cl"].result_count == expected


def test_filter_in_force_can_be_removed(client: Client, web: Node) -> None:
    assert "Tag is web" in text_of(client.get(page_url(Node, "changelist") + "?tag=web"))


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_nonsense_never_fails(model: type[Model], client: Client, one_of_each: dict[type[Model], Any]) -> None:
    address = page_url(model, "changelist")
    specs = [getattr(spec, "parameter_name", "x") for spec in admin_of(model).list_filter]
    for text in NONSENSE:
        if admin_of(model).search_fields:
            assert client.get(address, {"q": text}).status_code == 200, text
        for name in specs:
            assert client.get(address, {name: text}).status_code == 200, (name, text)
    for text in ("0", "-1", "99", "x"):
        assert client.get(address, {"p": text}).status_code in (200, 302)
        assert client.get(address, {"o": text}).status_code in (200, 302)
