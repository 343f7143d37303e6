"""A node's home region, from what its agent measures to what its peers are told."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.replica import REPLICAS
from mesh.netmap.apply import apply_delta
from mesh.relay_health import Answer, Ways
from nodes.models import Change, Network, RelayServer
from nodes.relay_checks import EVERY
from nodes.services.relay_health import note_relay_answers, servers_to_ask
from sessions_app.models import User
from tests.agents import Machine
from tests.factories import RelayRegionFactory, RelayServerFactory
from tests.fixtures import Clock, Join

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(network: Network, join: Join, ana: User, clock: Clock) -> Machine:
    for number in (3, 4):
        RelayServerFactory(region=RelayRegionFactory(network=network, number=number), name=f"r{number}")
    return join(ana, "web")


@pytest.fixture
def peer(web: Machine, join: Join, ana: User) -> Machine:
    return join(ana, "db")


def beat(machine: Machine, clock: Clock, latencies: dict[str, float], times: int = 1) -> None:
    for _ in range(times):
        clock.advance(seconds=120)
        assert machine.heartbeat(relay_latency_ms=latencies).status_code == 200


def home_in(netmap: dict[str, Any], name: str) -> int | None:
    [found] = [node for node in netmap["peers"] if node["name"] == name]
    return found["home_derp"]  # type: ignore[no-any-return]


def test_a_home_that_changed_reaches_peers_by_one_change(web: Machine, peer: Machine, clock: Clock) -> None:
    beat(web, clock, {"3": 20.0, "4": 40.0})
    before, changes = peer.netmap(), Change.objects.count()
    assert home_in(before, "web") == 3
    assert web.netmap()["node"]["home_derp"] == 3
    beat(web, clock, {"3": 20.0, "4": 40.0}, times=3)
    beat(web, clock, {"3": 21.0, "4": 38.0})
    assert Change.objects.count() == changes  # latencies alone are no news for peers
    beat(web, clock, {"3": 120.0, "4": 40.0}, times=6)
    assert Change.objects.count() == changes + 1
    delta = peer.call("get", f"netmap?since={before['epoch']}.{before['version']}").json()
    assert delta["peers_changed"] == [{"id": web.node.pk, "home_derp": 4}]
    assert apply_delta(before, delta)["peers"] == peer.netmap()["peers"]


def test_one_outlier_moves_nobody(web: Machine, peer: Machine, clock: Clock) -> None:
    beat(web, clock, {"3": 20.0, "4": 40.0})
    changes = Change.objects.count()
    beat(web, clock, {"3": 70.0, "4": 40.0})
    beat(web, clock, {"3": 20.0, "4": 40.0}, times=3)
    assert Change.objects.count() == changes


def test_a_region_that_died_leaves_maps_and_its_nodes_move_in_one_delta(
    web: Machine, peer: Machine, network: Network, clock: Clock
) -> None:
    beat(web, clock, {"3": 20.0, "4": 40.0})
    beat(peer, clock, {"3": 50.0, "4": 30.0})
    before, changes = peer.netmap(), Change.objects.count()
    names = dict(RelayServer.objects.values_list("pk", "name"))
    for _ in range(3):
        now = clock.advance(seconds=30)
        asked = servers_to_ask(now=now, every=EVERY)
        answers = {item: Answer("silent" if names[item.server_id] == "r3" else None) for item in asked}
        note_relay_answers(
            network_id=network.pk, answers=answers, ways=Ways(tls=True, stun=False), now=now, every=EVERY
        )
    assert Change.objects.count() == changes + 1
    REPLICAS.of(network.pk).catch_up(Network.objects.get().map_version)
    delta = peer.call("get", f"netmap?since={before['epoch']}.{before['version']}").json()
    assert set(delta["derp_map"]["regions"]) == {"4"}
    assert delta["peers_changed"] == [{"id": web.node.pk, "home_derp": 4}]
    # What it tells of the region that is gone counts for nothing, though it was nearer.
    beat(web, clock, {"3": 1.0, "4": 40.0}, times=3)
    assert web.node.home_region == 4
