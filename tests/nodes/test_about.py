"""Which changes speak of a node: the index of the database says what the facts say."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from coordinator.events import Cursor, Wanted, search_events
from coordinator.events.search import first_id_since
from nodes.models import Change
from nodes.selectors.about import about_nodes, is_exact, newest_about, node_ids_of
from tests import factories as make

pytestmark = pytest.mark.django_db
only_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such index")

# Each speaks of node 5, and of 51 or 15 for those who look at digits.
SAID: list[tuple[str, dict[str, Any]]] = [
    ("nodes", {"nodes": [{"id": 5}, {"id": 51}], "removed": []}),
    ("nodes", {"nodes": [], "removed": [15, 5]}),
    ("nodes", {"nodes": [], "patched": [{"ids": [15], "set": {}}, {"ids": [5, 51], "set": {"tags": ["tag:7"]}}]}),
    ("nodes", {"nodes": None, "removed": [], "started": {"5": 9}}),
    ("presence", {"online": [51, 5], "offline": []}),
    ("presence", {"online": [], "offline": [{"id": 5, "at": "2030-01-01T00:00:00Z"}]}),
    ("sessions", {"ended": [5], "started": {"15": 1}}),
    ("endpoints", {"endpoints": {"5": ["203.0.113.7:1"], "51": []}}),
    ("network", {"network": {"name": "6"}, "homes": [{"region": 6, "nodes": [15, 5]}]}),
]


def test_what_speaks_of_a_node_is_found_and_nothing_else() -> None:
    network = make.NetworkFactory()
    others: list[tuple[str, dict[str, Any]]] = [
        ("nodes", {"nodes": [{"id": 51}], "removed": [15]}),
        ("network", {"network": {"port": 5}}),
        ("policy", {"rules": [5]}),
        ("users", {"users": [{"id": 5}]}),
    ]
    for version, (kind, facts) in enumerate([*SAID, *others], 1):
        make.ChangeFactory(network=network, version=version, kind=kind, facts=facts, actor="command")
    speaking = set(range(1, len(SAID) + 1))
    assert {row.version for row in Change.objects.all() if 5 in node_ids_of(row)} == speaking
    found = {row.version for row in Change.objects.filter(about_nodes([5]))}
    assert found == speaking if is_exact() else found >= speaking
    assert not Change.objects.filter(about_nodes([])).exists()


def test_events_of_a_node_cost_as_many_queries_however_far_back_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_exact():
        pytest.skip("SQLite has no such index: there the log is read in windows, for as long as a page may take")
    monkeypatch.setattr("coordinator.events.search.FIRST_WINDOW", 1)
    network = make.NetworkFactory()
    for version in range(1, 40):
        make.ChangeFactory(
            network=network, version=version, kind="nodes", facts={"nodes": [{"id": 5 if version == 1 else 6}]}
        )
    with CaptureQueriesContext(connection) as captured:
        page = search_events(Wanted(node_id=5), Cursor(), limit=50, seconds=0.0)
    assert [event.change.version for event in page.events if event.change is not None] == [1]
    assert page.after is None
    assert len(captured) <= 3


def test_an_instant_is_found_in_one_query() -> None:
    rows = [make.ChangeFactory(version=version) for version in range(1, 9)]
    Change.objects.filter(pk__gt=rows[4].pk).update(created_at=rows[0].created_at.replace(year=2099))
    Change.objects.filter(pk=rows[6].pk).delete()  # ids have gaps
    with CaptureQueriesContext(connection) as captured:
        found = first_id_since(Change, rows[0].created_at.replace(year=2050), rows[0].pk, rows[-1].pk)
    assert rows[4].pk < found <= rows[5].pk
    assert first_id_since(Change, rows[0].created_at.replace(year=2100), rows[0].pk, rows[-1].pk) == rows[-1].pk + 1
    assert len(captured) == 1


def test_facts_that_are_no_ids_are_passed_over() -> None:
    network = make.NetworkFactory()
    odd: list[dict[str, Any]] = [
        {"nodes": [{"id": "x"}, {"id": None}, {"id": 5}, "", 5.5], "removed": 7},
        {"nodes": [{"id": 5}, {"id": 10**30}], "patched": [{"ids": 3}, 4]},
        {"endpoints": {"five": [], "5": []}},
        {"nodes": [{"id": 5}], "homes": [{"nodes": None}, "x"]},
        ["nodes"],  # type: ignore[list-item]
    ]
    for version, facts in enumerate(odd, 1):
        make.ChangeFactory(network=network, version=version, kind="nodes", facts=facts, actor="command")
    if is_exact():
        assert {row.version for row in Change.objects.filter(about_nodes([5]))} == {1, 2, 3, 4}


def plan_of(statement: str, values: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", values)
        return "\n".join(line for (line,) in cursor.fetchall())


@only_postgres
def test_the_index_answers() -> None:
    network = make.NetworkFactory()
    rows = [
        make.ChangeFactory.build(
            network=network, version=version, kind="nodes", facts={"nodes": [{"id": version}]}, actor=f"node:{version}"
        )
        for version in range(1, 3001)
    ]
    low = Change.objects.bulk_create(rows)[0].pk
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE nodes_change")
    assert "change_about_nodes" in plan_of(*Change.objects.filter(about_nodes([5])).query.sql_with_params())
    with CaptureQueriesContext(connection) as captured:
        assert len(newest_about([5], low=low, below=low + 3000, limit=10, made=True)) == 1
    plan = plan_of(captured[0]["sql"], None)
    assert "Bitmap Index Scan on change_about_nodes" in plan
    assert "change_actor" in plan


@only_postgres
def test_the_newest_are_gathered_within_bounds() -> None:
    network, other = make.NetworkFactory(), make.NetworkFactory()
    said = {"kind": "nodes", "facts": {"nodes": [{"id": 5}]}, "actor": "command"}
    made = {"kind": "policy", "facts": {}, "actor": "node:5"}
    rows = [
        make.ChangeFactory(network=network, version=version, **(made if version % 2 else said)).pk
        for version in range(1, 9)
    ]
    stranger = make.ChangeFactory(network=other, version=1, **said).pk
    make.ChangeFactory(network=network, version=9, **said | {"pruned": True})
    everything = {"low": 0, "below": stranger + 9, "limit": 99, "made": True}
    assert newest_about([5], **everything) == [stranger, *reversed(rows)]
    assert newest_about([5], **everything | {"network_id": network.pk}) == rows[::-1]
    assert newest_about([5], **everything | {"limit": 3}) == [stranger, rows[7], rows[6]]
    assert newest_about([5], **everything | {"low": rows[2], "below": rows[5]}) == [rows[4], rows[3], rows[2]]
    assert newest_about([5], **everything | {"made": False, "below": stranger}) == rows[::-2]


@only_postgres
def test_pages_of_a_node_gather_no_more_than_they_show(monkeypatch: pytest.MonkeyPatch) -> None:
    network = make.NetworkFactory()
    for version in range(1, 31):
        facts = {"nodes": [{"id": 5}], "note": "blue" if version in (2, 3) else "red"}
        make.ChangeFactory(network=network, version=version, kind="nodes", facts=facts, actor="command")
    gathered: list[int] = []

    def counting(*args: Any, **kwargs: Any) -> list[int]:
        found = newest_about(*args, **kwargs)
        gathered.append(len(found))
        return found

    monkeypatch.setattr("coordinator.events.search.newest_about", counting)

    def pages(text: str) -> list[list[int]]:
        found, after = [], Cursor()
        while True:
            page = search_events(Wanted(node_id=5, text=text), after, limit=4, seconds=99.0)
            found.append([event.change.version for event in page.events if event.change is not None])
            if page.after is None:
                return found
            after = page.after

    assert pages("")[:2] == [[30, 29, 28, 27], [26, 25, 24, 23]]
    assert [version for page in pages("") for version in page] == list(range(30, 0, -1))
    assert max(gathered) == 5
    assert pages("blue") == [[3, 2]]
