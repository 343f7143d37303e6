"""Heartbeats: a sign of life, and now and then a fact that changed: written whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.arrivals import ARRIVALS
from coordinator.lifecycle import delete_node
from mesh.change import Cause
from nodes.models import Change, Network, Node
from nodes.presence import presence_store
from nodes.services.presence import mark_offline
from nodes.services.relays import save_region
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import START, Clock, Join

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}


@pytest.fixture
def web(join: Join, ana: User) -> Machine:
    return join(ana, "web")


def version() -> int:
    return Network.objects.get().map_version


def test_the_answer(web: Machine) -> None:
    response = web.heartbeat()
    assert response.status_code == 200
    assert response.json() == {
        "epoch": 1,
        "map_version": version(),
        "next_heartbeat_seconds": 30,
        "session_expires_at": "2026-03-03T12:00:00Z",
        "key_expires_at": "2026-08-29T12:00:00Z",
        "lease_seconds": 43200,
        "server_time": "2026-03-02T12:00:00Z",
    }


def test_an_empty_body_will_do(web: Machine) -> None:
    assert web.call("post", "heartbeat").status_code == 200


def test_a_quiet_heartbeat_writes_nothing(web: Machine) -> None:
    before = version()
    web.heartbeat()
    assert version() == before


def test_what_equals_the_stored_writes_nothing(web: Machine, clock: Clock) -> None:
    facts: dict[str, Any] = {
        "endpoints": ["203.0.113.9:1", "[2001:db8::1]:2"],
        "posture": {"a": 1},
        "relay_latency_ms": {"3": 5},
    }
    web.heartbeat(**facts)
    before = version()
    for _ in range(10):
        clock.advance(seconds=1)
        assert web.heartbeat(**facts).status_code == 200
    assert version() == before


def test_another_spelling_is_no_change(web: Machine, clock: Clock) -> None:
    web.heartbeat(endpoints=["[2001:db8::1]:2", "203.0.113.9:1"])
    before = version()
    for _ in range(10):
        clock.advance(seconds=1)
        response = web.heartbeat(endpoints=["[2001:0DB8:0::1]:2", "203.0.113.9:1", "203.0.113.9:1"])
        assert response.status_code == 200
    assert version() == before


def test_new_endpoints_are_one_change_and_peers_see_them(web: Machine, join: Join, ana: User) -> None:
    peer = join(ana, "peer")
    before = version()
    answer = web.heartbeat(endpoints=["203.0.113.9:1"]).json()
    (change,) = Change.objects.filter(version__gt=before)
    assert (change.kind, change.facts) == ("endpoints", {"endpoints": {str(web.node.pk): ["203.0.113.9:1"]}})
    assert change.actor == f"node:{web.node.pk}"
    assert answer["map_version"] == change.version
    assert peer.netmap()["peers"][0]["endpoints"] == ["203.0.113.9:1"]


def test_new_posture_is_a_change_with_the_whole_node(web: Machine) -> None:
    before = version()
    answer = web.heartbeat(posture={"disk": True}).json()
    (change,) = Change.objects.filter(version__gt=before)
    assert change.kind == "nodes" and change.facts["nodes"][0]["posture"] == {"disk": True}
    assert answer["map_version"] == change.version


def test_latencies_alone_are_for_administrators(web: Machine) -> None:
    before = version()
    web.heartbeat(relay_latency_ms={"3": 5.5})
    assert version() == before
    assert web.node.relay_latency_ms == {"3": 5.5}


def test_latencies_choose_a_home(network: Network, web: Machine, join: Join, ana: User, clock: Clock) -> None:
    peer = join(ana, "peer")
    for number, code in ((3, "fra"), (4, "ams")):
        save_region(network_id=network.pk, number=number, code=code, name=code, **ACT)
    web.heartbeat(relay_latency_ms={"3": 50, "4": 20, "9": 1})
    assert web.node.home_region == 4
    assert peer.netmap()["peers"][0]["home_derp"] == 4
    clock.advance(seconds=1)
    web.heartbeat(relay_latency_ms={"3": 18, "4": 20})
    assert web.node.home_region == 4


def test_one_outlier_chooses_no_other_home(network: Network, web: Machine, clock: Clock) -> None:
    for number, code in ((3, "fra"), (4, "ams")):
        save_region(network_id=network.pk, number=number, code=code, name=code, **ACT)
    web.heartbeat(relay_latency_ms={"3": 20, "4": 40})
    before = version()
    clock.advance(seconds=1)
    web.heartbeat(relay_latency_ms={"3": 72, "4": 40})
    assert (web.node.home_region, web.node.relay_latency_ms, version()) == (3, {"3": 33, "4": 40}, before)
    clock.advance(seconds=1)
    web.heartbeat(relay_latency_ms={"3": 72, "4": 40})
    assert (web.node.home_region, web.node.relay_latency_ms) == (3, {"3": 42.8, "4": 40})
    for _ in range(2):
        clock.advance(seconds=1)
        web.heartbeat(relay_latency_ms={"3": 72, "4": 40})
    assert web.node.home_region == 4


def test_traffic_is_taken(web: Machine) -> None:
    assert web.heartbeat(traffic={"7": {"received": 1}}).status_code == 200


@pytest.mark.parametrize(
    "bad",
    [
        {"posture": {"a": "x" * 257}},
        {"relay_latency_ms": {"3": -1}},
        {"relay_latency_ms": {"x": 1}},
        {"endpoints": ["203.0.113.9:1", "127.0.0.1:1"]},
        {"endpoints": ["10.1.0.9:1"]},
        {"observed_endpoints": {"x": "203.0.113.9:1"}},
        {"observed_endpoints": {"1": "127.0.0.1:1"}},
        {"observed_endpoints": {"1": 1}},
        {"seen": {}},
    ],
)
def test_a_refused_part_leaves_the_others_unwritten(web: Machine, bad: dict[str, Any]) -> None:
    good = {"endpoints": ["203.0.113.77:1"], "posture": {"a": 1}, "relay_latency_ms": {"3": 5}}
    before = version()
    response = web.heartbeat(**(good | bad))
    assert response.status_code == 400
    node = web.node
    assert (version(), node.posture, node.relay_latency_ms, node.endpoints.count()) == (before, {}, {}, 0)


# --- limits


def test_once_a_second(web: Machine, clock: Clock) -> None:
    assert web.heartbeat().status_code == 200
    assert web.heartbeat().status_code == 429
    clock.advance(seconds=0.5)
    assert web.heartbeat().status_code == 429
    for _ in range(5):
        clock.advance(seconds=1)
        assert web.heartbeat().status_code == 200


def test_nodes_do_not_limit_each_other(web: Machine, join: Join, ana: User) -> None:
    other = join(ana, "other")
    assert [web.heartbeat().status_code, other.heartbeat().status_code] == [200, 200]


def test_endpoints_change_six_times_a_minute(web: Machine, clock: Clock) -> None:
    def change(number: int) -> int:
        clock.advance(seconds=1)
        status: int = web.heartbeat(endpoints=[f"203.0.113.9:{number}"]).status_code
        return status

    assert [change(number) for number in range(1, 8)] == [200] * 6 + [429]
    assert [row.address for row in web.node.endpoints.all()] == ["203.0.113.9:6"]
    clock.advance(seconds=10)
    assert change(7) == 200


def test_put_and_heartbeat_share_that_limit(web: Machine, clock: Clock) -> None:
    for number in range(1, 7):
        assert web.call("put", "endpoints", {"endpoints": [f"203.0.113.9:{number}"]}).status_code == 200
    response = web.heartbeat(endpoints=["203.0.113.9:7"])
    assert (response.status_code, response["Retry-After"]) == (429, "10")


def test_posture_changes_once_a_minute_and_nothing_else_is_written_then(web: Machine, clock: Clock) -> None:
    assert web.heartbeat(posture={"a": 1}).status_code == 200
    clock.advance(seconds=30)
    before = version()
    response = web.heartbeat(posture={"a": 2}, endpoints=["203.0.113.9:1"])
    assert (response.status_code, response["Retry-After"]) == (429, "30")
    assert (version(), web.node.posture, web.node.endpoints.count()) == (before, {"a": 1}, 0)
    clock.advance(seconds=30)
    assert web.heartbeat(posture={"a": 2}).status_code == 200


# --- signs of life


def test_a_heartbeat_is_a_sign_of_life(web: Machine, clock: Clock) -> None:
    now = clock.advance(seconds=7)
    web.heartbeat()
    ARRIVALS.flush(now)
    assert presence_store().last_seen([web.node.pk]) == {web.node.pk: now}


@pytest.mark.parametrize(("method", "path"), [("get", "netmap"), ("post", "heartbeat")])
def test_who_comes_back_is_online(web: Machine, clock: Clock, method: str, path: str) -> None:
    assert not web.node.online
    before = version()
    web.call(method, path)
    ARRIVALS.flush(clock.at)
    assert web.node.online
    (change,) = Change.objects.filter(version__gt=before)
    assert (change.kind, change.facts) == ("presence", {"online": [web.node.pk], "offline": []})


def test_who_is_online_is_not_told_again(web: Machine, clock: Clock) -> None:
    web.heartbeat()
    ARRIVALS.flush(clock.at)
    before = version()
    clock.advance(seconds=30)
    web.heartbeat()
    ARRIVALS.flush(clock.at)
    assert version() == before


def test_many_returns_are_one_change(join: Join, ana: User, clock: Clock) -> None:
    machines = [join(ana, f"m{number}") for number in range(4)]
    for machine in machines:
        machine.heartbeat()
    before = version()
    ARRIVALS.flush(clock.at)
    assert version() == before + 1
    assert Node.objects.filter(online=True).count() == 4


def test_peers_see_presence(web: Machine, join: Join, ana: User, clock: Clock) -> None:
    peer = join(ana, "peer")
    assert peer.netmap()["peers"][0]["online"] is False
    web.heartbeat()
    ARRIVALS.flush(clock.at)
    seen = peer.netmap()["peers"][0]
    assert (seen["online"], seen["last_seen"]) == (True, None)
    mark_offline(network_id=web.node.network_id, last_seen={web.node.pk: START}, **ACT)
    seen = peer.netmap()["peers"][0]
    assert (seen["online"], seen["last_seen"]) == (False, "2026-03-02T12:00:00Z")


def test_a_sign_of_life_from_before_the_end_changes_nothing(web: Machine, clock: Clock) -> None:
    web.heartbeat()
    delete_node(node_id=web.node.pk, **ACT)
    before = version()
    ARRIVALS.flush(clock.at)
    assert version() == before


def test_what_could_not_be_handed_on_is_kept(web: Machine, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    web.heartbeat()

    def fail(**kwargs: Any) -> None:
        raise OSError("away")

    with monkeypatch.context() as patch:
        patch.setattr("coordinator.arrivals.mark_online", fail)
        with pytest.raises(OSError, match="away"):
            ARRIVALS.flush(clock.at)
    assert not web.node.online
    ARRIVALS.flush(clock.at)
    assert web.node.online
