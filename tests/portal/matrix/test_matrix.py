"""The matrix: cells, the table that says the same, the rules behind a cell, and who may see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from coordinator.policy.heat import live_heat
from coordinator.replica import REPLICAS
from mesh.explain.heat import Axis
from portal.matrix import page
from sessions_app.models import User
from sessions_app.roles import CAPABILITIES
from tests import factories as make
from tests.portal.pages import read, text_of

pytestmark = pytest.mark.django_db

MATRIX = "/admin/access/matrix/"


@pytest.fixture
def fleet(network: Any, owner: User) -> Any:
    """Engineers ana (two devices) and jun (one), who is an admin as well; two databases and a kiosk."""
    REPLICAS.clear()
    people = {name: make.UserFactory(username=name) for name in ("ana", "jun")}
    for name, members in (("eng", ("ana", "jun")), ("admins", ("jun",))):
        group = make.GroupFactory(network=network, name=name)
        for member in members:
            make.GroupMemberFactory(group=group, user=people[member])
    nodes = [
        make.NodeFactory(network=network, name="ana-laptop", owner=people["ana"]),
        make.NodeFactory(network=network, name="ana-phone", owner=people["ana"]),
        make.NodeFactory(network=network, name="jun-laptop", owner=people["jun"]),
        make.TaggedNodeFactory(network=network, name="db-1", tags=["tag:db"]),
        make.TaggedNodeFactory(network=network, name="db-2", tags=["tag:db"]),
        make.TaggedNodeFactory(network=network, name="kiosk-1", tags=["tag:kiosk"]),
    ]
    for number, node in enumerate(nodes, start=2):
        make.AddressFactory(node=node, number=number)
    rules: list[dict[str, Any]] = [
        {"sources": ["group:admins"], "destinations": ["*"], "name": "Administrators"},
        {"action": "deny", "sources": ["tag:kiosk"], "destinations": ["*"], "name": "Kiosks"},
        {
            "sources": ["group:eng"],
            "destinations": ["tag:db"],
            "protocols": [6],
            "ports": [[5432, 5432]],
            "schedule": {"not_before": "2020-01-01T00:00:00Z"},
            "name": "Queries",
        },
    ]
    for position, fields in enumerate(rules, start=1):
        make.AclRuleFactory(network=network, position=position, **fields)
    make.PolicyVersionFactory(network=network)
    return network


def cells_of(client: Client, query: str = "") -> dict[tuple[str, str], Any]:
    grid = client.get(f"{MATRIX}{query}").context["grid"]
    return {(cell.source.words, cell.target.words): cell for _, cells in grid for cell in cells}


@pytest.mark.parametrize("role", User.Role.values)
def test_who_may_see_the_policy_may_see_the_matrix(role: str, fleet: Any, as_role: Callable[[str], Client]) -> None:
    response = as_role(role).get(MATRIX)
    if role == User.Role.MEMBER:
        assert "/login/" in response["Location"]
        return
    assert response.status_code == (200 if "policy.view" in CAPABILITIES[role] else 403)


def test_cell_says_what_every_pair_may_do_and_how_many_may_more(client: Client, fleet: Any) -> None:
    cell = cells_of(client)["group:eng", "tag:db"]
    assert (cell.words, cell.below, cell.mark, cell.shade) == ("5432", "2 wider", "times", 1)


def test_cell_of_some_pairs_says_how_many(client: Client, fleet: Any) -> None:
    cell = cells_of(client)["group:eng", "group:eng"]
    assert (cell.words, cell.below, cell.mark) == ("all", "2/6", "")


def test_what_opens_at_other_times_has_a_corner_and_names_its_rule(client: Client, fleet: Any) -> None:
    fleet.acl_rules.filter(position=3).update(schedule={"not_before": "2099-01-01T00:00:00Z"})
    REPLICAS.clear()
    cells = cells_of(client)
    assert (cells["group:eng", "tag:db"].kind, cells["group:eng", "tag:db"].mark) == ("open", "more")
    cell = cells_of(client, "?axis=user")["user:ana", "user:ana"]
    assert (cell.kind, cell.mark) == ("none", "")
    fleet.acl_rules.filter(position=1).update(enabled=False)
    REPLICAS.clear()
    response = client.get(f"{MATRIX}?from=group:eng&to=tag:db")
    cell = next(cell for _, row in response.context["grid"] for cell in row if cell.current)
    assert (cell.kind, cell.words, cell.mark, cell.shade) == ("later", "5432", "later", 0)
    assert cell.title == "group:eng to tag:db: nothing now, at other times tcp/5432, all 6 pairs"
    chosen = response.context["chosen"]
    assert (chosen["wire"], [(line.rule.name, line.later) for line in chosen["rules"]]) == (
        "times",
        [("Queries", True)],
    )
    assert "closed now" in text_of(response)
    assert "at other times, nothing now" in text_of(client.get(f"{MATRIX}?view=table"))


def test_denied_empty_and_single_cells_are_told_apart(client: Client, fleet: Any) -> None:
    cells = cells_of(client)
    assert cells["tag:kiosk", "tag:db"].kind == "denied"
    assert cells["tag:db", "tag:kiosk"].kind == "none"
    assert cells["tag:kiosk", "tag:kiosk"].kind == "self"
    assert cells["group:admins", "tag:db"].shade == 5


@pytest.mark.parametrize("axis", list(Axis))
def test_rows_of_the_table_are_the_cells_of_the_map(
    client: Client, fleet: Any, axis: Axis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE", 2)
    found = live_heat(network_id=fleet.pk, axis=axis)
    expected = {(found.rows[one].words, found.rows[other].words) for one, other in found.cells}
    rows: list[tuple[str, str]] = []
    address = f"{MATRIX}?axis={axis}&view=table"
    while address:
        context = client.get(address).context
        rows += [(cell.source.words, cell.target.words) for cell in context["cells"]]
        address = context["next_url"]
    assert len(rows) == len(set(rows)) == context["total"] > 0
    assert set(rows) == expected
    drawn = {
        ends for ends, cell in cells_of(client, f"?axis={axis}").items() if cell.kind in ("open", "later", "denied")
    }
    assert drawn == expected


def test_chosen_cell_shows_the_rules_that_decide_and_leads_to_explain(client: Client, fleet: Any) -> None:
    response = client.get(f"{MATRIX}?from=group:eng&to=tag:db")
    chosen = response.context["chosen"]
    assert [(line.rule.name, line.on, line.pairs, line.possible) for line in chosen["rules"]] == [
        ("Administrators", "anything", 2, 6),
        ("Queries", "tcp/5432", 6, 6),
    ]
    assert chosen["wire"] == "times"
    assert f"{chosen['explain']}" == "/admin/access/?from=ana-laptop&to=db-1&on=tcp%2F5432#explain"
    assert client.get(chosen["explain"]).status_code == 200
    rule = fleet.acl_rules.get(position=3)
    assert f"/admin/access/#rule-{rule.pk}" in read(response).hrefs


def test_chosen_denied_cell_names_the_rule_that_denies(client: Client, fleet: Any) -> None:
    said = client.get(f"{MATRIX}?from=tag:kiosk&to=tag:db")
    assert [line.rule.name for line in said.context["chosen"]["rules"]] == ["Kiosks"]
    assert "Denied by a rule" in text_of(said)


def test_row_that_is_gone_is_told(client: Client, fleet: Any) -> None:
    assert "no such row" in text_of(client.get(f"{MATRIX}?from=tag:gone&to=tag:db"))


def test_rows_are_filtered_and_the_rest_is_counted(client: Client, fleet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(cells_of(client, "?q=tag:")) == {
        (one, other) for one in ("tag:db", "tag:kiosk") for other in ("tag:db", "tag:kiosk")
    }
    assert "No row matches" in text_of(client.get(f"{MATRIX}?q=zzz"))
    monkeypatch.setattr(page, "SHOWN", 1)
    assert "3 more match" in text_of(client.get(MATRIX))


def test_pages_hold_nothing_inline(client: Client, fleet: Any) -> None:
    for query in ("", "?view=table", "?from=group:eng&to=tag:db", "?axis=class"):
        assert not read(client.get(MATRIX + query)).refused


def test_empty_network_says_so(client: Client) -> None:
    REPLICAS.clear()
    assert "No group and no tag has a node yet" in text_of(client.get(MATRIX))
