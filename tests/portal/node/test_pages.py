"""A node's page and those that hang on it: what each role sees, and that it is what the engine and the API say."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coordinator.acknowledgements import ACKNOWLEDGED, acknowledgement_store
from coordinator.maps import map_body
from coordinator.policy.reach import who_reaches, whom_it_reaches
from coordinator.replica import REPLICAS, current_state
from nodes.models import Node
from sessions_app.models import User
from sessions_app.roles import CAPABILITIES
from tests import factories as make
from tests.portal.pages import page_url, read, text_of

pytestmark = pytest.mark.django_db

PAGES = ("change", "reach-in", "reach-out", "map", "map_json")


def url_of(page: str, node: Node) -> str:
    if page == "change":
        return page_url(Node, "change", node.pk)
    if page.startswith("reach-"):
        return reverse("admin:nodes_node_reach", args=[node.pk, page.removeprefix("reach-")])
    return reverse(f"admin:nodes_node_{page}", args=[node.pk])


@pytest.fixture
def web(network: Any) -> Node:
    """A node that twelve nodes tagged ``tag:ci`` reach by SSH, and that reaches nobody."""
    node: Node = make.TaggedNodeFactory(network=network, name="web-1", tags=["tag:web"], online=True)
    make.AddressFactory(node=node, number=2)
    for number in range(12):
        make.AddressFactory(
            node=make.TaggedNodeFactory(network=network, name=f"build-{number}", tags=["tag:ci"]), number=number + 3
        )
    make.AclRuleFactory(
        network=network, position=1, sources=["tag:ci"], destinations=["tag:web"], ports=[[22, 22]], protocols=[6],
        name="Deploy",
    )  # fmt: skip
    return node


@pytest.mark.parametrize("role", [role for role in User.Role.values if role != User.Role.MEMBER])
def test_pages_by_role(role: str, as_role: Callable[[str], Client], web: Node) -> None:
    browser = as_role(role)
    expected = 200 if "nodes.view" in CAPABILITIES[role] else 403
    assert {page: browser.get(url_of(page, web)).status_code for page in PAGES} == dict.fromkeys(PAGES, expected)


def test_members_and_strangers_are_not_let_in(as_role: Callable[[str], Client], web: Node) -> None:
    for browser in (as_role(User.Role.MEMBER), Client()):
        for page in PAGES:
            assert browser.get(url_of(page, web))["Location"].startswith("/admin/login/"), page


def test_a_node_that_is_not_there(client: Client, web: Node) -> None:
    missing = Node(pk=web.pk + 1000)
    assert {client.get(url_of(page, missing)).status_code for page in PAGES} == {404}


def test_nothing_inline(client: Client, web: Node) -> None:
    assert not [page for page in PAGES[:-1] if read(client.get(url_of(page, web))).refused]


def test_there_is_no_third_direction(client: Client, web: Node) -> None:
    assert client.get(reverse("admin:nodes_node_reach", args=[web.pk, "both"])).status_code == 404


def test_who_reaches_it_is_told_in_chips_with_the_rule(client: Client, web: Node) -> None:
    said = text_of(client.get(url_of("change", web)))
    assert "Who can reach me 12" in said
    assert "tag: ci 12 12 not online tcp/22 1 Deploy" in said
    assert "List all 12" in said


def test_few_peers_are_named(client: Client, web: Node) -> None:
    build = Node.objects.get(name="build-3")
    assert "web-1 , waiting tcp/22 1 Deploy" in text_of(client.get(url_of("change", build)))


def test_nobody_is_explained(client: Client, web: Node) -> None:
    said = text_of(client.get(url_of("change", web)))
    assert "Nobody. No rule names `tag:web` as a source." in said


def test_a_role_without_the_policy_sees_no_rule(as_role: Callable[[str], Client], web: Node) -> None:
    said = text_of(as_role(User.Role.SUPPORT).get(url_of("change", web)))
    assert "tcp/22" in said
    assert "Deploy" not in said


def test_lists_hold_whom_the_engine_names(client: Client, web: Node) -> None:
    state = current_state(web.network_id)
    for page, reach in (("in", who_reaches(state.policy, web.pk)), ("out", whom_it_reaches(state.policy, web.pk))):
        hrefs = set(read(client.get(url_of(f"reach-{page}", web))).hrefs)
        named = {pk for pk in Node.objects.values_list("pk", flat=True) if page_url(Node, "change", pk) in hrefs}
        assert named - {web.pk} == set(reach.nodes)


@pytest.mark.parametrize(
    ("query", "number"),
    [("22", 12), ("tcp/22", 12), ("23", 0), ("udp/22", 0), ("build-1", 3), ("tag:ci", 12), ("nobody", 0), ("99999", 0)],
)
def test_a_list_is_searched_by_node_or_port(client: Client, web: Node, query: str, number: int) -> None:
    assert client.get(url_of("reach-in", web), {"q": query}).context["total"] == number


def test_a_list_has_pages(client: Client, web: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.node.reach_page.PAGE", 5)
    first = client.get(url_of("reach-in", web))
    last = client.get(url_of("reach-in", web), {"p": 3})
    assert (len(first.context["rows"]), len(last.context["rows"])) == (5, 2)
    assert client.get(url_of("reach-in", web), {"p": 4}).status_code == 404


def test_the_map_is_the_agents(client: Client, web: Node) -> None:
    body = map_body(current_state(web.network_id), web.pk)
    answer = client.get(url_of("map_json", web))
    assert (answer.content, answer["ETag"]) == (body.json, body.etag)
    page = client.get(url_of("map", web))
    parts = {part["name"]: json.loads(part["text"]) for part in page.context["parts"] if not part["cut"]}
    document = json.loads(body.json)
    assert parts == {name: document[name] for name in parts}
    assert {"peers", "packet_filter", "sets"} <= parts.keys()


def test_what_the_agent_acknowledged(client: Client, web: Node) -> None:
    acknowledgement_store.cache_clear()
    state = current_state(web.network_id)
    ACKNOWLEDGED.note(web.pk, state.epoch, state.version, timezone.now())
    said = text_of(client.get(url_of("map", web)))
    ACKNOWLEDGED.forget([web.pk])
    assert f"Version {state.version} When just now State current" in said


def test_one_that_is_cut_off_has_no_map(client: Client, web: Node) -> None:
    Node.objects.filter(pk=web.pk).update(state=Node.State.DISABLED)
    REPLICAS.clear()
    assert "has no map now: it is disabled" in text_of(client.get(url_of("map", web)))
    assert client.get(url_of("map_json", web)).status_code == 404


def test_a_new_node_enrolled_just_now(client: Client, web: Node) -> None:
    assert "enrolled just now" in text_of(client.get(url_of("change", web)))


def test_the_strip_says_its_finding_and_has_a_table(client: Client, web: Node) -> None:
    now = timezone.now()
    Node.objects.filter(pk=web.pk).update(created_at=now - timedelta(days=3))
    make.OnlineSpanFactory(node=web, began=now - timedelta(days=3), ended=now - timedelta(hours=6))
    page = client.get(url_of("change", web))
    assert 'aria-label="Online 91.7 % of the time known' in page.content.decode()
    assert page.content.decode().count('class="gw-strip-day') == 30
    assert f"{now:%Y-%m-%d}" in text_of(page)


def test_a_route_that_waits_says_whom_it_would_let_in(client: Client, web: Node, network: Any) -> None:
    make.RouteFactory(node=web, prefix="10.44.0.0/24")
    make.AclRuleFactory(network=network, position=2, sources=["tag:ci"], destinations=["10.44.0.0/24"])
    assert "waits for approval: 12 nodes would reach it" in text_of(client.get(url_of("change", web)))


def test_the_page_asks_as_often_for_many_nodes(client: Client, web: Node, network: Any) -> None:
    def queries() -> int:
        REPLICAS.clear()
        current_state(network.pk)
        client.get(url_of("change", web))
        with CaptureQueriesContext(connection) as captured:
            client.get(url_of("change", web))
        return len(captured)

    few = queries()
    for number in range(100):
        node = make.TaggedNodeFactory(network=network, tags=["tag:ci"])
        make.AddressFactory(node=node, number=number + 40)
    assert queries() <= few
    assert few <= 40
