"""The dashboard: figures that were measured, what is wrong, who needs somebody, and what happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from coordinator.acknowledgements import ACKNOWLEDGED
from coordinator.replica import REPLICAS
from coordinator.tail import TAIL, Tail
from coordinator.tallies import map_buckets
from mesh.change import Cause, ChangeKind
from nodes.changes import lock_network, record_change
from nodes.facts import node_facts
from nodes.models import Node
from nodes.periodic import Run, run_store
from nodes.presence import presence_store
from portal import acknowledged
from portal.overview.cards import percent, rate
from sessions_app.models import User
from sessions_app.roles import CAPABILITIES
from tests import factories as make
from tests.portal.pages import read, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    """No task has run and nobody was told anything."""
    run_store.cache_clear()
    TAIL.__init__()  # type: ignore[misc]
    ACKNOWLEDGED.__init__()  # type: ignore[misc]
    acknowledged.forget()


@pytest.fixture
def pair(network: Any) -> list[Node]:
    """Two nodes of one person, who are online."""
    now = timezone.now()
    presence_store().since(now - timedelta(days=1))
    owner = make.UserFactory()
    found: list[Node] = make.NodeFactory.create_batch(2, network=network, owner=owner, online=True, last_seen=now)
    presence_store().touch({node.pk: now for node in found})
    return found


def sample(network: Any, minutes_ago: int, **figures: Any) -> None:
    """A sample of the hour that is being looked at."""
    minute = timezone.now().replace(second=0, microsecond=0)
    make.SampleFactory(network=network, at=minute - timedelta(minutes=minutes_ago), **figures)


def cards(client: Client) -> dict[str, Any]:
    """The cards by title."""
    return {card.title: card for card in client.get("/admin/").context["cards"]}


# --- Figures


def test_what_nobody_measured_is_said_to_be_so(client: Client, pair: list[Node]) -> None:
    found = cards(client)
    for title in ("Heartbeats in time", "Map build", "Pushes"):
        assert found[title].note.startswith("not measured yet"), title
        assert found[title].figures == (("–", ""),)
    assert found["Sessions"].figures == (("0", ""),)
    assert "Not measured yet" in text_of(client.get("/admin/"))


def test_cards_tell_the_last_hour(client: Client, network: Any, pair: list[Node]) -> None:
    maps = [0] * len(map_buckets())
    maps[4] = 10
    for ago in (1, 2):
        sample(network, ago, online=2, due=1250, heard=1249)
        sample(None, ago, online=None, pushes=48 * ago, maps=maps)
    sample(network, 61, online=2, due=1000, heard=0)
    found = cards(client)
    assert found["Heartbeats in time"].figures == (("99.92", "%"),)
    assert found["Heartbeats in time"].note == "2 missed this hour"
    assert found["Pushes"].figures == (("0.8", "/s"),)
    assert found["Pushes"].note.startswith("peak 1.6 /s at")
    assert found["Map build"].note == "20 whole maps this hour"


def test_workers_of_several_networks_are_said_to_be_so(client: Client, network: Any, pair: list[Node]) -> None:
    make.NetworkFactory(name="other")
    sample(None, 1, online=None, pushes=1)
    assert cards(client)["Pushes"].note.endswith("in all networks")


@pytest.mark.parametrize(("share", "words"), [(100, "100"), (99.999, "99.99"), (99.9666, "99.97"), (12.3, "12.3")])
def test_a_share_is_never_rounded_up_to_all(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0"), (1, "0.02"), (48, "0.8"), (840, "14")])
def test_rates_are_told_by_the_second(count: float, words: str) -> None:
    assert rate(count) == words


# --- The chart and its table


def test_chart_and_table_tell_the_same(client: Client, network: Any, pair: list[Node]) -> None:
    sample(network, 1, online=7, late=2)
    page = client.get("/admin/?range=hour")
    assert "7 nodes were online all through the last hour." in page.content.decode()
    rows = client.get("/admin/?range=hour&show=table").context["chart_table"]
    assert [(row["online"], row["late"]) for row in rows] == [(7, 2)]


@pytest.mark.parametrize("name", ["hour", "day", "month", "year", ""])
def test_every_range_has_a_page(client: Client, pair: list[Node], name: str) -> None:
    for show in ("", "table"):
        response = client.get(f"/admin/?range={name}&show={show}")
        assert response.status_code == 200
        assert not read(response).refused


# --- Alerts


def alerts(client: Client) -> list[str]:
    """What the page calls wrong."""
    return [alert.title for alert in client.get("/admin/").context["alerts"]]


def test_a_portal_that_does_well_has_no_alert(client: Client, pair: list[Node]) -> None:
    assert alerts(client) == []
    assert "No alert" in text_of(client.get("/admin/"))


def test_tasks_that_do_not_run_are_an_alert(client: Client, pair: list[Node]) -> None:
    run_store().since(timezone.now() - timedelta(hours=1))
    assert alerts(client) == ["Periodic tasks do not run"]


def test_a_task_that_failed_is_named(client: Client, pair: list[Node]) -> None:
    run_store().note(Run("nodes.sweep", timezone.now(), 0.1, 0.0, error="OperationalError"))
    assert alerts(client) == ["Task nodes.sweep failed"]


def test_a_replica_that_is_behind_is_an_alert(client: Client, network: Any, pair: list[Node]) -> None:
    REPLICAS.of(network.pk).reload()
    network.map_version += 3
    network.save()
    assert alerts(client) == ["This worker is 3 versions behind"]


def test_errors_of_the_portals_own_are_an_alert(client: Client, network: Any, pair: list[Node]) -> None:
    sample(None, 2, online=None, errors=60)
    assert alerts(client) == ["0.2 errors a second"]


# --- Needs you


def needs(client: Client) -> list[str]:
    """What the page asks for."""
    return [need.title for need in client.get("/admin/").context["needs"]]


def test_nobody_is_needed_without_a_reason(client: Client, pair: list[Node]) -> None:
    assert needs(client) == []


def test_waiting_machines_are_counted_and_named(client: Client, network: Any, pair: list[Node]) -> None:
    soon = timezone.now() + timedelta(minutes=5)
    make.EnrolmentFactory.create_batch(2, network=network, expires_at=soon)
    assert needs(client) == ["2 machines wait for approval"]


def test_a_route_that_lost_a_router_says_who_is_left(client: Client, network: Any, pair: list[Node]) -> None:
    away = make.NodeFactory(network=network, last_seen=timezone.now() - timedelta(days=1))
    for node in (pair[0], away):
        make.RouteFactory(node=node, prefix="10.40.0.0/16", approved=True)
    assert needs(client) == ["Route 10.40.0.0/16 has one router left"]
    assert f"If {pair[0].name} fails too" in text_of(client.get("/admin/"))
    Node.objects.filter(pk=pair[0].pk).update(online=False)
    assert needs(client) == ["No router of 10.40.0.0/16 is online"]


def test_a_single_router_is_as_it_was_meant(client: Client, network: Any, pair: list[Node]) -> None:
    make.RouteFactory(node=pair[0], prefix="10.40.0.0/16", approved=True)
    assert needs(client) == []


def test_remarks_on_the_policy_are_there_once_it_is_in_memory(client: Client, network: Any, pair: list[Node]) -> None:
    for position in (1, 2):
        make.AclRuleFactory(network=network, position=position, sources=["autogroup:member"], destinations=["*"])
    assert needs(client) == []
    REPLICAS.of(network.pk).reload()
    assert "Rule 2 deserves a look" in needs(client)


@pytest.mark.parametrize("role", [role for role in User.Role.values if CAPABILITIES[role]])
def test_the_page_leads_only_where_the_role_may_go(
    role: str, as_role: Callable[[str], Client], network: Any, pair: list[Node]
) -> None:
    soon = timezone.now() + timedelta(minutes=5)
    make.EnrolmentFactory(network=network, expires_at=soon)
    make.AclRuleFactory(network=network, position=1)
    make.RelayServerFactory(region=make.RelayRegionFactory(network=network), alive=False, fault="silent")
    make.ChangeFactory(network=network, kind="policy", facts={"policy_version": 2})
    client = as_role(role)
    page = client.get("/admin/")
    assert ("events" in page.context) == ("changes.view" in CAPABILITIES[role])
    for href in {href.partition("#")[0] for href in read(page).hrefs if href.startswith("/admin/")}:
        assert client.get(href).status_code == 200, href


# --- What happened


def test_events_count_who_has_them(
    client: Client, network: Any, pair: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tail, "is_fresh", lambda self, network_id=None: True)
    make.AclRuleFactory(network=network, position=1, sources=["autogroup:member"], destinations=["autogroup:self"])
    replica = REPLICAS.of(network.pk)
    state = replica.reload()
    facts = node_facts(network.pk, [pair[0].pk])
    facts["nodes"][0]["name"] = "another"
    locked = lock_network(network.pk)
    version = record_change(
        network=locked, kind=ChangeKind.NODES, facts=facts, cause=Cause.command(), now=datetime.now(UTC)
    )
    replica.catch_up(version)
    for node in pair:
        ACKNOWLEDGED.note(node.pk, state.epoch, version - 1, timezone.now())
    with monkeypatch.context() as hurried:
        hurried.setattr(acknowledged, "WORKED_AT", 0.0)
        page = client.get("/admin/")
    assert (page.context["events"][0]["have"], page.context["events"][0]["behind"]) == ("–", False)
    assert 'title="Not worked out yet. Look again in a moment.">–<' in page.content.decode()
    first = client.get("/admin/").context["events"][0]
    assert (first["version"], first["have"], first["behind"]) == (version, "0/1", True)
    for node in pair:
        ACKNOWLEDGED.note(node.pk, state.epoch, version, timezone.now())
    again = client.get("/admin/").context["events"][0]
    assert (again["have"], again["behind"]) == ("1/1", False)


def test_machines_that_ask_to_join_are_events_too(client: Client, network: Any, pair: list[Node]) -> None:
    waiting = make.EnrolmentFactory(
        network=network, created_at=timezone.now(), expires_at=timezone.now() + timedelta(minutes=5)
    )
    first = client.get("/admin/").context["events"][0]
    assert first["key"] == f"enrolment-{waiting.pk}"
    assert "asks to join" in first["text"]


def test_the_last_policy_change_says_what_it_did(client: Client, network: Any, pair: list[Node]) -> None:
    make.ChangeFactory(network=network, kind="policy", facts={"policy_version": 2}, version=5)
    make.PolicyVersionFactory(network=network, number=network.policy_version, summary="rule 6 gained tag:web")
    assert "Rule 6 gained tag:web." in text_of(client.get("/admin/"))


def test_parts_of_the_page_are_kept_up_to_date(client: Client, pair: list[Node]) -> None:
    said = client.get("/admin/").content.decode()
    for part in ("gw-fleet", "gw-feed", "gw-needs", "gw-chart", "gw-card-1", "gw-alerts"):
        assert f'id="{part}" data-gw-refresh=' in said, part
