"""Pages of events: none twice, none left out, whatever is asked; files that no spreadsheet calculates with."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from coordinator.events import Cursor, Event, Wanted, before_after, search_events
from coordinator.events.export import Form, export_events, safe_cell
from coordinator.events.telling import event_values
from mesh.errors import ValidationError
from nodes.selectors.about import is_exact
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def walk(wanted: Wanted, limit: int = 3, **more: Any) -> list[Event]:
    found: list[Event] = []
    after: Cursor | None = Cursor()
    while after is not None:
        page = search_events(wanted, after, limit=limit, **more)
        assert len(page.events) <= limit
        found += page.events
        after = page.after
    return found


@pytest.fixture
def log() -> Any:
    network = make.NetworkFactory()
    for number in range(1, 12):
        at = NOW + timedelta(minutes=number)
        kind = "nodes" if number % 3 else "policy"
        facts = {"nodes": [{"id": number, "name": f"n{number}", "state": "active"}], "removed": []}
        make.ChangeFactory(
            network=network, version=number, kind=kind, created_at=at, facts=facts if number % 3 else {},
            actor="user:7" if number % 2 else "node:5",
        )  # fmt: skip
        if number % 2:
            make.AuditEntryFactory(created_at=at + timedelta(seconds=1), actor="user:7")
    return network


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages_hold_each_event_once_in_order(log: Any, limit: int) -> None:
    found = walk(Wanted(), limit)
    assert len({event.ref for event in found}) == len(found) == 17
    assert [event.at for event in found] == sorted((event.at for event in found), reverse=True)


def test_time_that_is_over_loses_nothing(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coordinator.events.search.FIRST_WINDOW", 2)
    ticks = count()
    found = walk(Wanted(actor="user:7"), 4, seconds=0.0, clock=lambda: float(next(ticks)))
    assert len(found) == 12
    assert [event.at for event in found] == sorted((event.at for event in found), reverse=True)


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        (Wanted(kind="map"), 11),
        (Wanted(kind="access"), 6),
        (Wanted(kind="policy"), 3),
        (Wanted(kind="login"), 6),
        (Wanted(kind="logout"), 0),
        (Wanted(actor="agents"), 5),
        (Wanted(node_id=5), 6),  # those of its agent, and the one that speaks of it
        (Wanted(node_id=1), 1),  # not of n10 and n11
        (Wanted(text="n10"), 1),
        (Wanted(text="203.0.113.63"), 6),
        (Wanted(since=NOW + timedelta(minutes=11)), 2),
        (Wanted(until=NOW + timedelta(minutes=2)), 2),
    ],
)
def test_filters(log: Any, wanted: Wanted, number: int) -> None:
    assert len(walk(wanted)) == number


def test_network_leaves_out_others(log: Any) -> None:
    make.ChangeFactory(network=make.NetworkFactory(), version=1)
    assert len(walk(Wanted(network_id=log.pk))) == 11


@pytest.mark.parametrize("text", ["c1", "c1.a", "cx.a1", "c-1.a2"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Cursor.read(text)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "  =1", "\t=1", "\r=1", "＝1"])
def test_formulas_are_texts(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


def test_other_texts_stay() -> None:
    assert safe_cell("web-1, 10.0.0.1") == "web-1, 10.0.0.1"


def test_file_of_a_hostile_name() -> None:
    network = make.NetworkFactory()
    evil = '=HYPERLINK("http://evil")'
    make.ChangeFactory(network=network, actor=evil, kind="network", facts={"network": {}})
    rows = list(csv.DictReader(io.StringIO("".join(export_events(Wanted(), Form.CSV)))))
    assert [row["actor"] for row in rows] == [f"'{evil}"]
    [line] = "".join(export_events(Wanted(), Form.JSONL)).splitlines()
    assert json.loads(line)["actor"] == evil


def test_file_holds_all(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coordinator.events.export.BATCH", 2)
    assert len("".join(export_events(Wanted(), Form.JSONL)).splitlines()) == 17


def node(**facts: Any) -> dict[str, Any]:
    return {"nodes": [{"id": 7, "name": "web", "tags": ["tag:web"], **facts}], "removed": []}


def change(network: Any, version: int, facts: Any, **more: Any) -> Any:
    return make.ChangeFactory(network=network, version=version, facts=facts, **{"kind": "nodes"} | more)


def test_before_and_after() -> None:
    network = make.NetworkFactory()
    change(network, 1, node())
    found = before_after(change(network, 2, node(name="www")))
    assert found is not None
    assert [(line.member, line.before, line.after) for line in found.differences] == [("name", "web", "www")]


def test_what_many_got_in_between_counts() -> None:
    network = make.NetworkFactory()
    change(network, 1, node())
    change(network, 2, {"nodes": [], "patched": [{"ids": [7], "set": {"tags": ["tag:db"]}}]})
    found = before_after(change(network, 3, node(tags=["tag:db", "tag:web"])))
    assert found is not None
    assert [(line.member, line.before, line.after) for line in found.differences] == [
        ("tags", "tag:db", "tag:db, tag:web")
    ]


def homed(region: int | None, *ids: int) -> dict[str, Any]:
    """Facts of a change of relays by which nodes got another home."""
    network = {"name": "mesh", "relay_regions": [{"id": 4, "code": "ams", "name": "Amsterdam"}]}
    return {"network": network, "homes": [{"region": region, "nodes": list(ids)}]}


@pytest.mark.parametrize(("region", "after"), [(4, "4"), (None, None)])
def test_the_home_of_before_stands_in_what_was_said_of_the_node(region: int | None, after: str | None) -> None:
    network = make.NetworkFactory()
    change(network, 1, {"network": {"name": "mesh", "relay_regions": []}}, kind="network")
    change(network, 2, node(home_region=3))
    found = before_after(change(network, 3, homed(region, 7), kind="network"))
    assert found is not None
    lines = [(line.member, line.before, line.after) for line in found.differences if line.thing == "node 7"]
    assert lines == [("home_region", "3", after)]


def test_a_home_got_with_the_relays_counts_as_the_one_of_before() -> None:
    network = make.NetworkFactory()
    change(network, 1, node(home_region=3))
    change(network, 2, homed(4, 7), kind="network")
    found = before_after(change(network, 3, node(home_region=5)))
    assert found is not None
    assert [(line.member, line.before, line.after) for line in found.differences] == [("home_region", "4", "5")]


def test_a_node_that_got_another_home_with_the_relays_is_spoken_of() -> None:
    network = make.NetworkFactory()
    told = change(network, 1, homed(4, 7), kind="network")
    change(network, 2, homed(4, 17), kind="network")
    page = search_events(Wanted(node_id=7), Cursor(), limit=5)
    assert [event.change for event in page.events] == [told]
    assert event_values(page.events)[0]["summary"] == "settings, DNS or relays; home relay of node 7: ams"


def test_what_speaks_of_the_same_things_is_gathered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coordinator.events.difference.BATCH", 2)
    network = make.NetworkFactory()
    change(network, 1, node(tags=["tag:db"]))
    for version in range(2, 9):
        change(network, version, {"nodes": [], "patched": [{"ids": [7], "set": {"hostname": f"h{version}"}}]})
    last = change(network, 9, node(tags=["tag:web"]))
    with CaptureQueriesContext(connection) as captured:
        found = before_after(last)
    assert found is not None
    assert ("tags", "tag:db", "tag:web") in [(line.member, line.before, line.after) for line in found.differences]
    if is_exact():
        assert sum("gw_nodes_of_change" in query["sql"] for query in captured) == 1


def test_a_change_of_no_things_is_compared_with_nothing() -> None:
    network = make.NetworkFactory()
    change(network, 1, {"users": [{"id": 1}]}, kind="users")
    nothing = change(network, 2, {"users": []}, kind="users")
    with CaptureQueriesContext(connection) as captured:
        found = before_after(nothing)
    assert found is not None
    assert (found.differences, found.new, found.unknown, len(captured)) == ((), (), (), 0)


def test_what_lies_beyond_the_most_that_is_looked_for_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_exact():
        pytest.skip("SQLite reads the log in batches, for as long as it may")
    monkeypatch.setattr("coordinator.events.difference.MOST_ROWS", 3)
    network = make.NetworkFactory()
    change(network, 1, node())
    for version in range(2, 6):
        change(network, version, {"nodes": [], "patched": [{"ids": [7], "set": {"tags": [f"tag:t{version}"]}}]})
    found = before_after(change(network, 6, node()))
    assert found is not None
    assert found.unknown == ("node 7",)


def test_newcomer_is_new() -> None:
    found = before_after(change(make.NetworkFactory(), 1, node() | {"created": True}))
    assert found is not None
    assert (found.new, found.unknown) == (("node 7",), ())


def test_facts_that_retention_took_are_unknown() -> None:
    network = make.NetworkFactory()
    change(network, 1, {}, pruned=True)
    found = before_after(change(network, 2, node()))
    assert found is not None
    assert found.unknown == ("node 7",)
    assert before_after(change(network, 3, {}, pruned=True)) is None
