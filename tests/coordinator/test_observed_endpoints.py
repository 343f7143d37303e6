"""Where peers saw a node: offered to others after what it names itself, for as long as somebody repeats it."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.lifecycle import delete_node
from coordinator.replica import load_topology
from mesh.change import Cause
from nodes.models import Change, Network, Observation
from nodes.services.observations import LIFETIME, MAX_OBSERVED, MAX_REPORTERS
from nodes.tasks import forget_old_observations
from sessions_app.models import User
from tests.agents import Machine
from tests.coordinator.policy_calls import caller
from tests.fixtures import Clock, Join

pytestmark = pytest.mark.usefixtures("clock")
OWN, SEEN, OTHER = "192.0.2.1:51820", "203.0.113.9:40000", "203.0.113.9:40001"


@pytest.fixture
def web(join: Join, ana: User) -> Machine:
    return join(ana, "web", endpoints=[OWN])


@pytest.fixture
def peer(join: Join, ana: User) -> Machine:
    return join(ana, "peer")


def version() -> int:
    return Network.objects.get().map_version


def tell(reporter: Machine, node: Machine, address: str) -> Any:
    return reporter.heartbeat(observed_endpoints={str(node.node.pk): address})


def told(reader: Machine, name: str = "web") -> list[str]:
    (found,) = (item["endpoints"] for item in reader.netmap()["peers"] if item["name"] == name)
    return list(found)


def test_they_come_last_and_are_one_change(web: Machine, peer: Machine, join: Join, ana: User) -> None:
    third = join(ana, "third")
    assert told(third) == [OWN]
    before = version()
    answer = tell(peer, web, SEEN)
    assert answer.status_code == 200
    assert told(third) == [OWN, SEEN]
    (change,) = Change.objects.filter(version__gt=before)
    pk = str(web.node.pk)
    assert (change.kind, change.facts) == ("endpoints", {"endpoints": {pk: [OWN, SEEN]}, "observed": {pk: 1}})
    assert answer.json()["map_version"] == change.version
    record = load_topology(web.node.network_id).present(web.node.pk)
    assert record is not None and (record.endpoints, record.advertised) == ((OWN, SEEN), (OWN,))


def test_what_the_node_names_itself_is_not_told_twice(web: Machine, peer: Machine) -> None:
    before = version()
    assert tell(peer, web, OWN).status_code == 200
    assert (told(peer), version()) == ([OWN], before)


def test_the_node_may_change_what_it_names(web: Machine, peer: Machine, clock: Clock) -> None:
    tell(peer, web, SEEN)
    web.heartbeat(endpoints=[OTHER])
    assert told(peer) == [OTHER, SEEN]
    clock.advance(seconds=1)
    # As the map has it, word for word: now all of it is the node's own.
    web.heartbeat(endpoints=[OTHER, SEEN])
    clock.advance(seconds=LIFETIME.total_seconds())
    forget_old_observations()
    assert told(peer) == [OTHER, SEEN]


def test_the_same_heartbeat_of_the_node_itself_says_nothing_new(web: Machine, peer: Machine) -> None:
    tell(peer, web, SEEN)
    before = version()
    assert web.heartbeat(endpoints=[OWN]).status_code == 200
    answer = web.call("put", "endpoints", {"endpoints": [OWN]})
    assert (answer.json(), version()) == ({"endpoints": [OWN]}, before)


def test_repeating_it_keeps_it_and_changes_nothing(web: Machine, peer: Machine, clock: Clock) -> None:
    tell(peer, web, SEEN)
    before = version()
    for _ in range(5):
        clock.advance(minutes=20)
        assert tell(peer, web, SEEN).status_code == 200
        forget_old_observations()
    assert (told(peer), version()) == ([OWN, SEEN], before)


def test_what_nobody_repeats_goes_in_one_change(web: Machine, peer: Machine, clock: Clock) -> None:
    tell(peer, web, SEEN)
    before = version()
    clock.advance(seconds=LIFETIME.total_seconds() - 1)
    assert forget_old_observations() == 0
    clock.advance(seconds=1)
    assert forget_old_observations() == 1
    assert (told(peer), version()) == ([OWN], before + 1)
    assert forget_old_observations() == 0


def test_it_goes_with_its_reporter(web: Machine, peer: Machine, join: Join, ana: User, clock: Clock) -> None:
    tell(peer, web, SEEN)
    third = join(ana, "third")
    delete_node(node_id=peer.node.pk, cause=Cause.command(), now=clock.at)
    forget_old_observations()
    assert told(third) == [OWN]


def test_those_that_most_agree_on_come_first_then_the_newest(
    web: Machine, peer: Machine, join: Join, ana: User, clock: Clock
) -> None:
    others = [join(ana, f"m{number}") for number in range(2)]
    tell(peer, web, SEEN)
    clock.advance(seconds=1)
    tell(others[0], web, OTHER)
    assert told(peer) == [OWN, OTHER, SEEN]
    clock.advance(seconds=1)
    tell(others[0], web, SEEN)
    clock.advance(seconds=1)
    tell(others[1], web, OTHER)
    assert told(peer) == [OWN, SEEN, OTHER]


def test_few_are_kept_and_fewer_told(web: Machine, join: Join, ana: User, clock: Clock) -> None:
    for number in range(MAX_REPORTERS + 2):
        clock.advance(seconds=1)
        assert tell(join(ana, f"m{number}"), web, f"203.0.113.9:{number + 1}").status_code == 200
    assert Observation.objects.count() == MAX_REPORTERS
    last = join(ana, "last")
    newest = [f"203.0.113.9:{number}" for number in range(MAX_REPORTERS + 2, 0, -1)]
    assert told(last) == [OWN, *newest[:MAX_OBSERVED]]


def test_a_reporter_has_one_word_a_peer(web: Machine, peer: Machine, clock: Clock) -> None:
    tell(peer, web, SEEN)
    clock.advance(seconds=1)
    tell(peer, web, OTHER)
    assert told(peer) == [OWN, OTHER]


def test_only_of_peers_that_it_sees(web: Machine, peer: Machine, clock: Clock) -> None:
    call = caller("network_admin")
    rules = call("get", "acl/rules").json()["results"]
    for rule in rules:
        assert call("delete", f"acl/rules/{rule['id']}").status_code == 204
    before = version()
    assert peer.peer_names() == []
    assert tell(peer, web, SEEN).status_code == 200
    clock.advance(seconds=1)
    itself_and_nobody = {str(peer.node.pk): SEEN, "99999": SEEN}
    assert peer.heartbeat(observed_endpoints=itself_and_nobody).status_code == 200
    assert (version(), Observation.objects.count()) == (before, 0)


@pytest.mark.parametrize(
    "observed",
    [
        {"0": SEEN},
        {"a": SEEN},
        {"01x": SEEN},
        {"1" * 17: SEEN},
        {"1": "127.0.0.1:1"},
        {"1": "10.1.0.9:1"},
        {"1": "[fe80::1]:1"},
        {"1": "224.0.0.1:1"},
        {"1": "web:1"},
        {"1": None},
        {str(number): SEEN for number in range(1, 34)},
    ],
)
def test_refused(peer: Machine, observed: dict[str, Any]) -> None:
    response = peer.heartbeat(observed_endpoints=observed, endpoints=["203.0.113.77:1"])
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"].startswith("observed_endpoints")
    assert not peer.node.endpoints.exists()


def test_news_come_six_times_a_minute_and_nothing_else_is_written_then(
    web: Machine, peer: Machine, clock: Clock
) -> None:
    for number in range(6):
        clock.advance(seconds=1)
        assert tell(peer, web, f"203.0.113.9:{number + 1}").status_code == 200
    clock.advance(seconds=1)
    response = peer.heartbeat(observed_endpoints={str(web.node.pk): OTHER}, posture={"a": 1})
    assert (response.status_code, peer.node.posture) == (429, {})
    clock.advance(seconds=10)
    assert tell(peer, web, OTHER).status_code == 200
