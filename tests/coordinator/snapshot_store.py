"""A store of snapshots on the run's Redis, and a worker that starts from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from coordinator.replica import REPLICAS, Replica, current_state
from coordinator.replica import replica as replica_module
from coordinator.snapshots import Snapshots
from mesh.change import Cause
from mesh.netmap.maps import map_json, map_pieces
from mesh.netmap.state import State
from nodes.models import Network, Node
from sessions_app.models import User
from tests.fixtures import Clock, Join
from tests.services.redis import RedisServer

CAUSE = Cause.system("test")
# Other processes of the run share this Redis.
MINE = f"test-{os.getpid()}-"


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    client = Redis.from_url(redis_server.url)
    yield client
    for key in client.scan_iter(f"ghostwire:snapshot:{MINE}*"):
        client.delete(key)
    client.close()


@pytest.fixture
def snapshots(redis: Redis, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Snapshots:
    """The store that replicas begin with."""
    found = Snapshots(lambda: redis, lambda: f"{MINE}{id(request)}")
    monkeypatch.setattr(replica_module, "SNAPSHOTS", found)
    return found


@pytest.fixture
def web(join: Join, ana: User, network: Network, clock: Clock) -> Node:
    """A machine of Ana's."""
    return join(ana, "web", posture={"disk_encrypted": True}, endpoints=["203.0.113.9:51820"]).node


class Worker:
    """A worker that starts whenever it is told to, and where it takes the network from then."""

    def __init__(self) -> None:
        self.sources: list[str] = []

    def begin(self) -> State:
        network = Network.objects.get()
        self.sources.clear()
        return Replica(network.pk).catch_up(network.map_version)

    def info(self, event: str, **_: Any) -> None:
        names = {"replica.loaded": "tables", "replica.loaded_snapshot": "snapshot"}
        if event in names:
            self.sources.append(names[event])

    warning = error = info


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    found = Worker()
    monkeypatch.setattr(replica_module, "log", found)
    return found


def write(snapshots: Snapshots, network: Network) -> State:
    """Writes the network as it is."""
    state = current_state(network.pk)
    mark = REPLICAS.of(network.pk).mark()
    assert mark is not None
    snapshots.write(*mark)
    return state


def key_of(redis: Redis) -> bytes:
    (key,) = redis.scan_iter(f"ghostwire:snapshot:{MINE}*")
    return bytes(key)


def maps(state: State) -> dict[int, bytes]:
    return {node.id: map_json(map_pieces(state, node.id)) for node in state.topology.nodes.values()}


def facts(state: State) -> Any:
    topology = state.topology
    return (
        topology.network,
        dict(topology.nodes.items()),
        dict(topology.users.items()),
        dict(topology.sessions.items()),
        state.policy.policy,
        state.policy.at,
    )


def mark(network: Network) -> tuple[State, Any]:
    """The network's state with its place in the change log."""
    current_state(network.pk)
    found = REPLICAS.of(network.pk).mark()
    assert found is not None
    return found
