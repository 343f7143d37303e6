"""The palette: what it finds, for whom, and that nothing typed is an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from sessions_app.models import User
from sessions_app.roles import CAPABILITIES
from tests import factories as make

pytestmark = pytest.mark.django_db

NONSENSE = ("\x00", "%", "'", "é" * 300, "9" * 40, "::/0", "10.0.0.0/99", "fe80::1%eth0", "-1", "tag:", "a b c", "²")
NEEDED = {
    "nodes": "nodes.view",
    "routes": "nodes.view",
    "users": "users.view",
    "rules": "policy.view",
    "groups": "policy.view",
    "hosts": "policy.view",
}


@pytest.fixture
def fleet(network: Any) -> dict[str, Any]:
    """Something of each kind that is called berlin or lies at 10.40.3.7."""
    ana = make.UserFactory(username="berlin-ana", display_name="Ana Kovač")
    laptop = make.NodeFactory(network=network, name="berlin-laptop", owner=ana)
    router = make.TaggedNodeFactory(network=network, name="router", tags=["tag:edge"])
    make.AddressFactory(node=laptop, number=7)
    make.AddressFactory(node=router, number=8)
    make.RouteFactory(node=router, prefix="10.40.0.0/16", approved=True, primary=True)
    make.RouteFactory(node=router, prefix="10.40.3.0/24", approved=True, primary=True)
    make.RouteFactory(node=router, prefix="10.41.0.0/16")
    make.RouteFactory(node=router, prefix="0.0.0.0/0", approved=True)
    make.GroupFactory(network=network, name="berlin")
    make.HostFactory(network=network, name="berlin-erp", prefix="10.40.3.7/32")
    rule = make.AclRuleFactory(network=network, position=3, name="Berlin prints")
    return {"laptop": laptop, "router": router, "ana": ana, "rule": rule}


def found(client: Client, query: str) -> dict[str, list[dict[str, str]]]:
    answer = client.get("/admin/palette/", {"q": query})
    assert answer.status_code == 200, answer.content
    return {kind["kind"]: kind["items"] for kind in answer.json()["kinds"]}


def titles(client: Client, query: str, kind: str) -> list[str]:
    return [item["title"] for item in found(client, query).get(kind, [])]


@pytest.mark.parametrize("role", [role for role, rights in CAPABILITIES.items() if rights])
def test_each_role_finds_the_kinds_it_may_see(
    role: str, fleet: dict[str, Any], as_role: Callable[[str], Client]
) -> None:
    browser = as_role(role)
    kinds = {*found(browser, "berlin"), *found(browser, "10.40.3.7")} - {"pages", "acts"}
    assert kinds == {kind for kind, right in NEEDED.items() if right in CAPABILITIES[role]}


@pytest.mark.parametrize("role", [User.Role.NETWORK_ADMIN, User.Role.SUPPORT])
def test_every_page_and_act_offered_opens(role: str, as_role: Callable[[str], Client]) -> None:
    browser = as_role(role)
    kinds = [found(browser, query) for query in ("", "new", "a", "t")]
    urls = {item["url"] for kind in kinds for name in ("pages", "acts") for item in kind.get(name, [])}
    assert len(urls) > 5
    assert {url: browser.get(url, follow=True).status_code for url in urls} == dict.fromkeys(urls, 200)


def test_who_has_no_pages_here_has_no_palette(as_role: Callable[[str], Client]) -> None:
    assert as_role(User.Role.MEMBER).get("/admin/palette/").status_code == 302
    assert Client().get("/admin/palette/").status_code == 302


def test_acts_are_offered_to_those_who_may(as_role: Callable[[str], Client], client: Client) -> None:
    assert titles(client, "new r", "acts") == ["New rule"]
    assert titles(as_role(User.Role.AUDITOR), "new r", "acts") == []


def test_an_address_finds_the_node_that_holds_it(client: Client, fleet: dict[str, Any]) -> None:
    items = found(client, "10.1.0.7")
    assert [item["title"] for item in items["nodes"]] == ["berlin-laptop"]
    assert items["nodes"][0]["url"] == f"/admin/nodes/node/{fleet['laptop'].pk}/change/"
    assert "berlin-ana" in items["nodes"][0]["detail"]
    assert "routes" not in items


def test_an_address_finds_the_approved_routes_around_it_narrowest_first(client: Client, fleet: dict[str, Any]) -> None:
    items = found(client, "10.40.3.7")
    assert [item["title"] for item in items["routes"]] == ["10.40.3.0/24", "10.40.0.0/16"]
    assert items["routes"][0]["detail"] == "through router"
    assert "nodes" not in items


def test_a_route_that_nobody_approved_is_not_found(client: Client, fleet: dict[str, Any]) -> None:
    assert titles(client, "10.41.0.1", "routes") == []


def test_a_cidr_finds_the_nodes_within(client: Client, fleet: dict[str, Any]) -> None:
    assert titles(client, "10.1.0.0/24", "nodes") == ["berlin-laptop", "router"]


def test_a_tag_finds_its_nodes(client: Client, fleet: dict[str, Any]) -> None:
    assert titles(client, "tag:edge", "nodes") == ["router"]


def test_a_name_that_begins_so_comes_before_one_that_holds_it(client: Client, network: Any) -> None:
    for name in ("a-web", "b-web", "c-web", "d-web", "e-web", "web-1"):
        make.NodeFactory(network=network, name=name)
    assert titles(client, "web", "nodes") == ["web-1", "a-web", "b-web", "c-web", "d-web"]


@pytest.mark.parametrize("query", ["3", "rule 3", "prints"])
def test_a_rule_is_found_by_number_and_name_and_shown_in_its_place(
    query: str, client: Client, fleet: dict[str, Any]
) -> None:
    assert [item["url"] for item in found(client, query)["rules"]] == [f"/admin/access/#rule-{fleet['rule'].pk}"]


def test_a_person_is_found_by_any_part_of_the_name(client: Client, fleet: dict[str, Any]) -> None:
    assert titles(client, "kova", "users") == ["Ana Kovač"]


@pytest.mark.parametrize("query", NONSENSE)
def test_nothing_typed_is_an_error(query: str, client: Client, fleet: dict[str, Any]) -> None:
    assert all(len(items) <= 5 for items in found(client, query).values())


def test_only_people_with_pages_here_load_the_palette(client: Client, as_role: Callable[[str], Client]) -> None:
    assert b"portal/js/palette.js" in client.get("/admin/").content
    assert b"portal/js/palette.js" not in as_role(User.Role.MEMBER).get("/account/").content
