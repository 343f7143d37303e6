"""Rounds of checks: what is written of servers, and the one change that takes them out of the maps and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from coordinator.replica import REPLICAS, load_topology
from mesh.change import Cause
from mesh.relay_health import Answer, Ways
from nodes.models import Change, Network, Node, RelayRegion, RelayServer
from nodes.relay_checks import EVERY, check_relays
from nodes.relay_probe import Probe
from nodes.services.relay_health import note_relay_answers, servers_to_ask
from nodes.services.relays import delete_server, save_server
from tests.factories import NetworkFactory, NodeFactory, RelayRegionFactory, RelayServerFactory
from tests.fixtures import START, Clock
from tests.nodes.relay import certificate, stun_server, tls_server, trusting

pytestmark = pytest.mark.django_db
CAUSE = Cause.command()
OPEN = Ways(tls=True, stun=True)
GOOD = Answer(ms=12.5)
MUTE = Answer("silent", "stun")


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory()
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


def region(network: Network, number: int, *servers: str) -> RelayRegion:
    made: RelayRegion = RelayRegionFactory(network=network, number=number, code=f"r{number}")
    for name in servers:
        RelayServerFactory(region=made, name=name)
    return made


def note(network: Network, clock: Clock, answers: Mapping[str, Answer], *, rounds: int = 1, ways: Ways = OPEN) -> int:
    """So many rounds in which the servers named answer so; returns how many turned in the last one."""
    turned = 0
    for _ in range(rounds):
        clock.advance(seconds=EVERY.total_seconds())
        names = dict(RelayServer.objects.values_list("pk", "name"))
        asked = servers_to_ask(now=clock(), every=EVERY, network_id=network.pk)
        found = {item: answers[names[item.server_id]] for item in asked if names[item.server_id] in answers}
        turned = note_relay_answers(network_id=network.pk, answers=found, ways=ways, now=clock(), every=EVERY)
    return turned


def told(network: Network) -> dict[int, list[str]]:
    """Regions with their servers in the map as the database has it, which is also what the changes make of it."""
    whole = load_topology(network.pk)
    followed = REPLICAS.of(network.pk).catch_up(network.map_version).topology
    assert followed.network.relay_regions == whole.network.relay_regions
    assert {node.id: node.home_region for node in followed.nodes.values()} == {
        node.id: node.home_region for node in whole.nodes.values()
    }
    return {item.id: [server.name for server in item.nodes] for item in whole.network.relay_regions}


def test_health_is_no_change(network: Network, clock: Clock) -> None:
    region(network, 1, "a", "b")
    assert note(network, clock, {"a": MUTE, "b": GOOD}, rounds=2) == 0
    stored = RelayServer.objects.get(name="a")
    assert (stored.failures, stored.fault, stored.failing_since) == (2, "silent", START + EVERY)
    assert (stored.checked_at, stored.alive) == (START + 2 * EVERY, True)
    assert RelayServer.objects.get(name="b").answer_ms == 12.5
    assert not Change.objects.exists()


def test_a_dead_server_leaves_by_one_change_and_comes_back_by_one(network: Network, clock: Clock) -> None:
    region(network, 1, "a", "b")
    REPLICAS.of(network.pk).catch_up(network.map_version)
    assert note(network, clock, {"a": MUTE, "b": GOOD}, rounds=3) == 1
    network.refresh_from_db()
    assert told(network) == {1: ["b"]}
    assert note(network, clock, {"a": GOOD, "b": GOOD}, rounds=2) == 0
    assert note(network, clock, {"a": GOOD, "b": GOOD}) == 1
    network.refresh_from_db()
    assert told(network) == {1: ["a", "b"]}
    assert [(change.kind, change.actor) for change in Change.objects.all()] == [("network", "system:relays")] * 2


def test_a_dead_region_leaves_and_its_nodes_move_by_the_same_change(network: Network, clock: Clock) -> None:
    region(network, 1, "a", "b")
    region(network, 2, "c")
    region(network, 3, "d")
    moved = NodeFactory(network=network, home_region=1, relay_latency_ms={"1": 5, "2": 30, "3": 20})
    homeless = NodeFactory(network=network, home_region=1, relay_latency_ms={"1": 5})
    settled = NodeFactory(network=network, home_region=2, relay_latency_ms={"2": 30})
    REPLICAS.of(network.pk).catch_up(network.map_version)
    note(network, clock, {"a": MUTE, "b": MUTE, "c": GOOD, "d": GOOD}, rounds=3)
    network.refresh_from_db()
    assert told(network) == {2: ["c"], 3: ["d"]}
    assert Change.objects.count() == 1
    homes = dict(Node.objects.values_list("pk", "home_region"))
    assert homes == {moved.pk: 3, homeless.pk: None, settled.pk: 2}


def test_the_last_ones_stay_in_the_map(network: Network, clock: Clock) -> None:
    region(network, 1, "a")
    region(network, 2, "b")
    NodeFactory(network=network, home_region=1, relay_latency_ms={"1": 5})
    note(network, clock, {"a": MUTE, "b": MUTE}, rounds=3)
    assert set(RelayServer.objects.values_list("alive", flat=True)) == {False}
    assert told(network) == {1: ["a"], 2: ["b"]}
    assert Node.objects.get().home_region == 1
    assert not Change.objects.exists()


def test_nobody_dies_while_the_portal_is_cut_off(network: Network, clock: Clock) -> None:
    region(network, 1, "a", "b")
    note(network, clock, {"a": MUTE, "b": MUTE}, rounds=9, ways=Ways(tls=False, stun=False))
    assert set(RelayServer.objects.values_list("alive", "failures", "fault")) == {(True, 0, "silent")}


def test_a_server_that_was_moved_while_it_was_asked_is_left_alone(network: Network, clock: Clock) -> None:
    made = region(network, 1, "a")
    asked = servers_to_ask(now=START, every=EVERY)
    server = RelayServer.objects.get()
    save_server(region_id=made.pk, server_id=server.pk, fields={"port": 8443}, cause=CAUSE, now=START)
    note_relay_answers(network_id=network.pk, answers={asked[0]: MUTE}, ways=OPEN, now=START, every=EVERY)
    assert RelayServer.objects.get().checked_at is None


def test_a_server_that_was_deleted_while_it_was_asked(network: Network, clock: Clock) -> None:
    region(network, 1, "a")
    asked = servers_to_ask(now=START, every=EVERY)
    delete_server(server_id=asked[0].server_id, cause=CAUSE, now=START)
    assert note_relay_answers(network_id=network.pk, answers={asked[0]: MUTE}, ways=OPEN, now=START, every=EVERY) == 0


def test_who_is_due(network: Network, clock: Clock) -> None:
    region(network, 1, "a", "b")
    long_ago = START - timedelta(days=1)
    RelayServer.objects.filter(name="a").update(alive=False, failing_since=long_ago, checked_at=START - EVERY)
    assert len(servers_to_ask(now=START, every=EVERY)) == 1
    assert len(servers_to_ask(now=START, every=EVERY, network_id=network.pk)) == 2


def test_a_round_of_real_questions(network: Network, clock: Clock, tmp_path: Path) -> None:
    path = certificate(tmp_path)
    made, other = region(network, 1), region(NetworkFactory(), 1)
    probe = Probe(tls=trusting(path), stun_pauses=(2.0,))
    with tls_server(path) as port, stun_server() as stun_port:
        place: dict[str, Any] = {"host": "127.0.0.1", "stun_port": stun_port}
        RelayServerFactory(region=made, name="good", port=port, **place)
        RelayServerFactory(region=made, name="bad", port=stun_port, **place)
        RelayServerFactory(region=other, name="shared", port=port, **place)
        turns = [check_relays(make_probe=lambda: probe, clock=lambda: clock.advance(seconds=15)) for _ in range(3)]
    assert turns == [0, 0, 1]
    found = {server.name: (server.alive, server.fault) for server in RelayServer.objects.all()}
    assert found == {"good": (True, ""), "bad": (False, "refused"), "shared": (True, "")}
    assert list(Change.objects.values_list("network_id", flat=True)) == [network.pk]


def test_a_round_without_relays(clock: Clock) -> None:
    assert check_relays(make_probe=pytest.fail, clock=clock) == 0
