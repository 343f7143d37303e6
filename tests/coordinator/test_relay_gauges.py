"""What Prometheus is told of relay servers, and that its rules ask for what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import OperationalError
from prometheus_client.exposition import generate_latest

from coordinator import database_metrics, gauges, tail, task_health  # noqa: F401 - they register what is told
from coordinator.metrics import REGISTRY
from nodes.models import Network, RelayServer
from tests.factories import RelayRegionFactory, RelayServerFactory
from tests.fixtures import START

pytestmark = pytest.mark.django_db
DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = DEPLOY / "alerts.yml"
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_relays(network: Network) -> None:
    region = RelayRegionFactory(network=network, code="fra")
    RelayServerFactory(region=region, name="a", checked_at=START, answered_at=START, answer_ms=12.5)
    RelayServerFactory(region=region, name="b", checked_at=START, alive=False, failing_since=START)
    RelayServerFactory(region=region, name="never-asked")
    a, b = ({"network": str(network.pk), "region": "fra", "server": name} for name in "ab")
    assert [value("ghostwire_relay_alive", **labels) for labels in (a, b)] == [1, 0]
    assert [value("ghostwire_relay_failing", **labels) for labels in (a, b)] == [0, 1]
    assert value("ghostwire_relay_answer_seconds", **a) == 0.0125
    assert value("ghostwire_relay_alive", **(a | {"server": "never-asked"})) is None
    assert value("ghostwire_relays_cut_off") == 0


def test_nobody_answers(network: Network) -> None:
    assert value("ghostwire_relays_cut_off") is None
    RelayServerFactory(region=RelayRegionFactory(network=network), checked_at=START, failing_since=START)
    assert value("ghostwire_relays_cut_off") == 1


def test_without_the_database_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def select_related(self, *_: Any) -> Any:
            raise OperationalError("away")

    monkeypatch.setattr(RelayServer, "objects", Away())
    told = generate_latest(REGISTRY).decode()
    assert "ghostwire_relay_alive{" not in told
    assert "ghostwire_heartbeats_total" in told


@pytest.mark.parametrize("name", ["alerts.yml", "grafana/ghostwire.json"])
def test_rules_and_dashboard_ask_for_metrics_that_exist(name: str) -> None:
    told = {family.name + ending for family in REGISTRY.collect() for ending in ENDINGS.get(family.type, ("",))}
    asked = set(re.findall(r"\bghostwire_\w+", (DEPLOY / name).read_text()))
    assert asked
    assert asked <= told


def test_the_dashboard_shows_what_is_worth_an_eye() -> None:
    shown = set(re.findall(r"\bghostwire_\w+", (DEPLOY / "grafana" / "ghostwire.json").read_text()))
    assert {
        "ghostwire_acknowledgement_lag_seconds_bucket",
        "ghostwire_database_pool_connections",
        "ghostwire_database_query_seconds_bucket",
        "ghostwire_heartbeats_refused_total",
        "ghostwire_map_build_seconds_bucket",
        "ghostwire_refusals_total",
        "ghostwire_session_validations_total",
        "ghostwire_task_lag_seconds",
    } <= shown


def test_panels_have_ids_and_places_of_their_own() -> None:
    panels = json.loads((DEPLOY / "grafana" / "ghostwire.json").read_text())["panels"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len({panel["id"] for panel in panels}) == len(places) == len(panels)


def test_there_is_an_alert_for_what_must_not_go_unseen() -> None:
    rules = {rule["alert"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]}
    assert {"GhostWireTaskSilent", "GhostWireRelayDead", "GhostWireRelaysCutOff", "GhostWirePoolExhausted"} <= rules
