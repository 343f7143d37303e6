"""How far a change has come: whom it concerned, who acknowledged it, and how long that took."""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis

from coordinator.acknowledgements import (
    ACKNOWLEDGED,
    Acknowledgement,
    RedisAcknowledgements,
    acknowledgement_store,
)
from coordinator.arrivals import ARRIVALS
from coordinator.replica import REPLICAS, current_state
from nodes.models import Network
from sessions_app.models import User
from tests.admin_api.api import Api, refusal
from tests.agents import Machine
from tests.fixtures import Clock, Join
from tests.services.redis import RedisServer


@pytest.fixture
def trio(network: Network, ana: User, ben: User, join: Join, clock: Clock) -> tuple[Machine, Machine, Machine]:
    """Two machines of ana, which see each other, and one of ben, which sees neither; all of them online."""
    machines = join(ana, "web"), join(ana, "db"), join(ben, "pc")
    for machine in machines:
        assert machine.heartbeat().status_code == 200
    ARRIVALS.flush(clock.at)
    current_state(network.pk)
    return machines


def move(machine: Machine, network: Network, clock: Clock, port: int) -> int:
    """The machine has another endpoint, and applied that itself; the version that this made."""
    clock.advance(seconds=10)
    assert machine.call("put", "endpoints", {"endpoints": [f"203.0.113.9:{port}"]}).status_code == 200
    version = current_state(network.pk).version
    ACKNOWLEDGED.note(machine.node.pk, network.epoch, version, clock.at)
    return version


def test_those_who_see_it_are_waited_for(api: Api, trio: tuple[Machine, ...], network: Network, clock: Clock) -> None:
    web, db, _pc = trio
    version = move(web, network, clock, 1)
    found = api.get(f"changes/{version}/delivery")
    assert found == {
        "version": version,
        "acknowledged": [web.node.pk],
        "waiting": [db.node.pk],
        "last_node": web.node.pk,
        "last_seconds": 0,
    }


def test_an_acknowledgement_says_how_long_it_took(
    api: Api, trio: tuple[Machine, ...], network: Network, clock: Clock
) -> None:
    web, db, _pc = trio
    version = move(web, network, clock, 1)
    ACKNOWLEDGED.note(db.node.pk, network.epoch, version, clock.advance(seconds=1.5))
    found = api.get(f"changes/{version}/delivery")
    assert (found["acknowledged"], found["waiting"]) == ([web.node.pk, db.node.pk], [])
    assert (found["last_node"], found["last_seconds"]) == (db.node.pk, 1.5)


def test_later_versions_do_not_make_it_take_longer(
    api: Api, trio: tuple[Machine, ...], network: Network, clock: Clock
) -> None:
    web, db, _pc = trio
    version = move(web, network, clock, 1)
    ACKNOWLEDGED.note(db.node.pk, network.epoch, version, clock.advance(seconds=1))
    ACKNOWLEDGED.note(db.node.pk, network.epoch, move(web, network, clock, 2), clock.advance(seconds=60))
    assert api.get(f"changes/{version}/delivery")["last_seconds"] == 1


def test_an_earlier_version_or_epoch_is_not_this_one(
    api: Api, trio: tuple[Machine, ...], network: Network, clock: Clock
) -> None:
    web, db, _pc = trio
    version = move(web, network, clock, 1)
    ACKNOWLEDGED.note(db.node.pk, network.epoch, version - 1, clock.at)
    assert api.get(f"changes/{version}/delivery")["waiting"] == [db.node.pk]
    ACKNOWLEDGED.forget([db.node.pk])
    ACKNOWLEDGED.note(db.node.pk, network.epoch - 1, version, clock.at)
    assert api.get(f"changes/{version}/delivery")["waiting"] == [db.node.pk]


def test_what_this_process_did_not_see_is_too_old_to_tell(
    api: Api, trio: tuple[Machine, ...], network: Network, clock: Clock
) -> None:
    version = move(trio[0], network, clock, 1)
    REPLICAS.clear()
    found = api.get(f"changes/{version}/delivery")
    assert (found["acknowledged"], found["waiting"]) == (None, None)


def test_no_such_change(api: Api, network: Network) -> None:
    assert refusal(api("GET", "changes/999999/delivery")) == (404, "not_found")


def test_acknowledgements_of_other_workers_count(
    api: Api, trio: tuple[Machine, ...], clock: Clock, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network.objects.get()
    url = redis_server.url.removesuffix("/0") + "/8"
    Redis.from_url(url).flushdb()
    mine, other = RedisAcknowledgements(Redis.from_url(url)), RedisAcknowledgements(Redis.from_url(url))
    monkeypatch.setattr("coordinator.acknowledgements.acknowledgement_store", lambda: mine)
    web, db, _pc = trio
    version = move(web, network, clock, 1)
    other.put({db.node.pk: [Acknowledgement(network.epoch, version, clock.advance(seconds=2))]})
    found = api.get(f"changes/{version}/delivery")
    assert (found["acknowledged"], found["last_seconds"]) == ([web.node.pk, db.node.pk], 2)


def test_a_node_tells_which_map_it_applied(api: Api, trio: tuple[Machine, ...], network: Network, clock: Clock) -> None:
    web, db, _pc = trio
    assert api.get(f"nodes/{db.node.pk}")["acknowledged"] is None
    version = move(web, network, clock, 1)
    ACKNOWLEDGED.note(db.node.pk, network.epoch, version, clock.at)
    found = api.get(f"nodes/{db.node.pk}")["acknowledged"]
    assert (found["epoch"], found["version"]) == (network.epoch, version)


def test_a_deleted_nodes_acknowledgements_are_forgotten(
    api: Api, trio: tuple[Machine, ...], network: Network, clock: Clock, django_capture_on_commit_callbacks: Any
) -> None:
    node_id = trio[1].node.pk
    ACKNOWLEDGED.note(node_id, network.epoch, 1, clock.at)
    ACKNOWLEDGED.flush()
    with django_capture_on_commit_callbacks(execute=True):
        api.delete(f"nodes/{node_id}")
    assert acknowledgement_store().get([node_id]) == {}
