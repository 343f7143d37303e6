"""The topology: what its script is told, who may ask, and the table that says the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from acl.models import PolicyVersion
from coordinator.replica import REPLICAS
from mesh.explain.graph import GraphBy
from nodes.models import Node
from portal.topology import answers, table
from sessions_app.models import User
from sessions_app.roles import CAPABILITIES
from tests import factories as make
from tests.portal.pages import read, text_of

pytestmark = pytest.mark.django_db

CALLS = ("", "graph/", "members/?group=tag:web", "reach/?node=1", "find/?q=a")


@pytest.fixture
def fleet(network: Any, owner: User) -> dict[str, Any]:
    """Two laptops of ana's, three web servers, a database. Ana reaches the web on 22, always; the database at times."""
    REPLICAS.clear()
    ana = make.UserFactory(username="ana", display_name="Ana Kovač")
    nodes = {name: make.NodeFactory(network=network, name=name, owner=ana) for name in ("ana-laptop", "ana-phone")}
    for name, tag in (("web-1", "web"), ("web-2", "web"), ("web-3", "web"), ("db-1", "db")):
        nodes[name] = make.TaggedNodeFactory(network=network, name=name, tags=[f"tag:{tag}"])
    for number, node in enumerate(nodes.values(), start=2):
        make.AddressFactory(node=node, number=number)
    make.NodeFactory(network=network, name="gone", owner=ana, state="disabled")
    rules: list[tuple[list[str], list[int], dict[str, Any]]] = [
        (["tag:web"], [22, 22], {}),
        (["tag:db"], [5432, 5432], {"not_before": "2020-01-01T00:00:00Z"}),
    ]
    for position, (destinations, ports, schedule) in enumerate(rules, start=1):
        make.AclRuleFactory(
            network=network,
            position=position,
            sources=[f"user#{ana.pk}"],
            destinations=destinations,
            protocols=[6],
            ports=[ports],
            schedule=schedule,
        )
    make.PolicyVersionFactory(network=network)
    return nodes


def told(client: Client, path: str) -> Any:
    response = client.get(f"/admin/topology/{path}")
    assert response.status_code == 200, response.content
    return response.json()


@pytest.mark.parametrize("role", User.Role.values)
def test_who_may_see_nodes_and_policy_may_see_the_graph(
    role: str, fleet: dict[str, Any], as_role: Callable[[str], Client]
) -> None:
    client = as_role(role)
    if role == User.Role.MEMBER:
        assert all("/login/" in client.get(f"/admin/topology/{path}")["Location"] for path in CALLS)
        return
    may = {"nodes.view", "policy.view"} <= CAPABILITIES[role]
    found = [client.get(f"/admin/topology/{path}".replace("node=1", f"node={fleet['web-1'].pk}")) for path in CALLS]
    assert {response.status_code for response in found} == ({200} if may else {403})
    if not may:
        assert {response["Content-Type"] for response in found[1:]} == {"application/problem+json"}


def test_graph_has_groups_with_their_nodes_and_edges_between_them(client: Client, fleet: dict[str, Any]) -> None:
    found = told(client, "graph/")
    groups = {group["name"]: group for group in found["groups"]}
    assert {name: (group["kind"], group["size"]) for name, group in groups.items()} == {
        "tag:web": ("machines", 3),
        "ana": ("people", 2),
        "tag:db": ("machines", 1),
    }
    assert groups["ana"]["nodes"] == [[fleet[name].pk, name, "waiting"] for name in ("ana-laptop", "ana-phone")]
    names = [group["name"] for group in found["groups"]]
    edges = {(names[edge[0]], names[edge[1]]): edge[2:] for edge in found["edges"]}
    assert edges == {("tag:web", "ana"): [6, 0, 0], ("ana", "tag:db"): [2, 2, 0]}
    assert (found["pairs"], found["nodes"], found["absent"], found["open"]) == (8, 6, 1, True)


def test_large_network_opens_as_groups_without_nodes(
    client: Client, fleet: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MAX_NODES", 5)
    found = told(client, "graph/")
    assert found["open"] is False
    assert not any("nodes" in group for group in found["groups"])
    assert found["groups"][0]["statuses"] == {"waiting": 3}


def test_members_of_a_group_are_told_by_name_and_bounded(
    client: Client, fleet: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MAX_MEMBERS", 2)
    found = told(client, "members/?group=tag:web")
    assert ([node[1] for node in found["nodes"]], found["size"]) == (["web-1", "web-2"], 3)


def test_reach_lists_whom_a_node_reaches_on_what_and_when(client: Client, fleet: dict[str, Any]) -> None:
    found = told(client, f"reach/?node={fleet['ana-laptop'].pk}")
    assert [row[1:] for row in found["list"]] == [
        ["db-1", "waiting", "tcp/5432", 1],
        *[[f"web-{number}", "waiting", "tcp/22", 0] for number in (1, 2, 3)],
    ]
    assert (found["reaches"], found["reached_by"]) == (4, 0)
    assert sorted(found["wires"]) == sorted(
        [[fleet["db-1"].pk, 2, 0], *[[fleet[f"web-{number}"].pk, 1, 0] for number in (1, 2, 3)]]
    )
    assert (found["node"]["owner"], found["node"]["group"]) == ("Ana Kovač", f"user:{fleet['ana-laptop'].owner_id}")
    assert found["node"]["url"] == f"/admin/nodes/node/{fleet['ana-laptop'].pk}/change/"


def test_reach_the_other_way_is_told_too(client: Client, fleet: dict[str, Any]) -> None:
    found = told(client, f"reach/?node={fleet['web-1'].pk}")
    assert (found["reaches"], found["reached_by"], found["list"]) == (0, 2, [])
    assert all(wire[1:] == [0, 1] for wire in found["wires"])


def test_search_finds_by_name_first_then_by_owner_tag_and_address(client: Client, fleet: dict[str, Any]) -> None:
    def names(words: str) -> list[str]:
        return [node[1] for node in told(client, f"find/?q={words}")["nodes"]]

    assert names("web") == ["web-1", "web-2", "web-3"]
    assert names("kova") == ["ana-laptop", "ana-phone"]
    assert names("tag:db") == ["db-1"]
    assert names(fleet["db-1"].addresses.get().address) == ["db-1"]
    assert names("gone") == names("") == names("zzz") == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("graph/?by=colour", 400),
        ("members/", 400),
        ("members/?group=tag:none", 404),
        ("reach/?node=0", 400),
        ("reach/?node=999999", 404),
        ("graph/?network=none", 404),
        (f"find/?q={'x' * 201}", 400),
    ],
)
def test_what_there_is_not_is_told_as_a_problem(client: Client, fleet: dict[str, Any], path: str, status: int) -> None:
    response = client.get(f"/admin/topology/{path}")
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("by", list(GraphBy))
def test_rows_of_the_table_are_the_edges_of_the_graph(
    client: Client, fleet: dict[str, Any], by: GraphBy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "PAGE", 1)
    graph = told(client, f"graph/?by={by}")
    names = [f"{group['name']} ({group['about']})" if group["about"] else group["name"] for group in graph["groups"]]
    edges = sorted([sorted({names[edge[0]], names[edge[1]]}), *edge[2:]] for edge in graph["edges"])
    rows = []
    address = f"/admin/topology/?by={by}&view=table"
    while address:
        context = client.get(address).context
        rows += [
            [sorted({row.one, row.other} - {""}), row.pairs, row.passing, row.later] for row in context["table"].rows
        ]
        address = context["next_url"]
    assert sorted(rows) == edges
    assert len(rows) == context["table"].edges > 0


def test_table_names_directions_ports_and_times(client: Client, fleet: dict[str, Any]) -> None:
    rows = {(row.one, row.other): row for row in client.get("/admin/topology/?view=table").context["table"].rows}
    assert set(rows) == {("ana", "tag:web"), ("ana", "tag:db")}
    assert (rows["ana", "tag:web"].there.words, rows["ana", "tag:web"].back) == ("tcp/22", None)
    assert rows["ana", "tag:db"].there.when == "times"


def test_what_opens_at_other_times_is_drawn_and_told(client: Client, fleet: dict[str, Any], network: Any) -> None:
    network.acl_rules.filter(position=2).update(schedule={"not_before": "2099-01-01T00:00:00Z"})
    REPLICAS.clear()
    graph = told(client, "graph/")
    names = [group["name"] for group in graph["groups"]]
    assert {(names[edge[0]], names[edge[1]]): edge[2:] for edge in graph["edges"]} == {
        ("tag:web", "ana"): [6, 0, 0],
        ("ana", "tag:db"): [0, 0, 2],
    }
    found = told(client, f"reach/?node={fleet['ana-laptop'].pk}")
    assert (found["reaches"], found["later"]) == (3, 1)
    assert [row[1:] for row in found["later_list"]] == [["db-1", "waiting", "tcp/5432", 1]]
    assert [fleet["db-1"].pk, 3, 0] in found["wires"]
    assert [names.index("tag:db"), 0, 0, 1, 0, 0, 0] in found["groups"]
    response = client.get("/admin/topology/?view=table")
    row = next(row for row in response.context["table"].rows if row.other == "tag:db")
    assert (row.pairs, row.later, row.there.words, row.there.when) == (0, 2, "tcp/5432", "later")
    assert "at other times" in text_of(response)


def test_selected_node_tells_since_when(client: Client, fleet: dict[str, Any]) -> None:
    node = fleet["web-1"]
    heard, began = timezone.now(), timezone.now() - timedelta(hours=3)
    Node.objects.filter(pk=node.pk).update(online=True, last_seen=heard)
    make.OnlineSpanFactory(node=node, began=began, ended=None)
    REPLICAS.clear()
    found = told(client, f"reach/?node={node.pk}")
    assert found["node"]["since"] == began.isoformat()
    version = PolicyVersion.objects.get()
    assert found["policy"]["since"] == version.created_at.isoformat()
    assert client.get(found["policy"]["url"]).status_code == 200
    Node.objects.filter(pk=node.pk).update(online=False)
    REPLICAS.clear()
    assert told(client, f"reach/?node={node.pk}")["node"]["since"] == heard.isoformat()


def test_table_is_filtered_by_the_names_of_groups(client: Client, fleet: dict[str, Any]) -> None:
    assert "tag:web" not in text_of(client.get("/admin/topology/?view=table&q=db"))
    assert "No edge matches" in text_of(client.get("/admin/topology/?view=table&q=zzz"))


def test_page_without_scripts_leads_to_the_table(client: Client, fleet: dict[str, Any]) -> None:
    response = client.get("/admin/topology/")
    assert "/admin/topology/?view=table" in read(response).hrefs
    assert not read(response).refused
    assert not read(client.get("/admin/topology/?view=table")).refused


def test_empty_network_has_a_page_that_says_so(client: Client) -> None:
    REPLICAS.clear()
    assert "Nobody sees anybody" in text_of(client.get("/admin/topology/?view=table"))
    assert told(client, "graph/")["groups"] == []
    assert client.get("/admin/topology/").status_code == 200
