"""The change log is complete: whoever follows it knows the network as well as whoever reads it whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from acl.services.rules import create_rule
from coordinator.lifecycle import (
    delete_node,
    disable_node,
    enable_node,
    expire_node,
    expire_nodes,
    rename_node,
    set_fixed_address,
    set_tags,
)
from coordinator.networks import ensure_network
from coordinator.policy.routes import put_routes
from coordinator.replica import load_topology
from coordinator.rotation import request_rotation, request_rotations
from mesh.change import Cause
from mesh.errors import GhostWireError
from mesh.steps import Step, move
from mesh.topology import Topology
from nodes.models import Change, Network, Node
from nodes.services.dns import save_record
from nodes.services.endpoints import replace_endpoints
from nodes.services.network import update_network
from nodes.services.presence import mark_offline, mark_online
from nodes.services.relays import delete_region, save_region
from nodes.services.routes import set_route_approval
from sessions_app.models import NodeSession, User
from sessions_app.services.auth_keys import create_auth_key
from sessions_app.services.sessions import expire_sessions, log_out, revoke_session
from sessions_app.services.users import create_user, set_user_active, update_user
from tests.agents import Machine
from tests.fixtures import START, Clock, forget_memory, random32

CAUSE = Cause.command()
ROUTES = ["192.168.1.0/24", "192.168.2.0/24", "0.0.0.0/0"]


def visible(topology: Topology) -> dict[str, Any]:
    """A topology as plain values, without what no map and no later step depends on.

    When a node was last heard matters only while it is offline and takes part.
    """
    nodes = {}
    for pk, node in topology.nodes.items():
        nodes[pk] = msgspec.to_builtins(node)
        if node.online or not topology.is_present(node):
            del nodes[pk]["last_seen"]
    return {
        "network": msgspec.to_builtins(topology.network),
        "nodes": nodes,
        "users": {pk: msgspec.to_builtins(user) for pk, user in topology.users.items()},
        "sessions": dict(topology.sessions.items()),
    }


class World:
    """A network with three people, and what may happen to it."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.network = ensure_network(config=settings.GHOSTWIRE, now=clock.at, random5=b"\1\2\3\4\5")
        self.people = [create_user(login=f"u{number}", cause=CAUSE, now=clock.at) for number in range(2)]
        create_user(login="owner", role=User.Role.OWNER, cause=CAUSE, now=clock.at)
        for number in (1, 2):
            save_region(
                network_id=self.network.pk, number=number, code=f"r{number}", name="R", cause=CAUSE, now=clock.at
            )
        self.machines: list[Machine] = []
        self.topology = load_topology(self.network.pk)

    @property
    def act(self) -> dict[str, Any]:
        return {"cause": CAUSE, "now": self.clock.at}

    def follow(self) -> None:
        """Moves by the changes since the last time."""
        rows = Change.objects.filter(network=self.network, version__gt=self.topology.network.version)
        for row in rows.order_by("version").values_list("version", "kind", "facts"):
            self.topology, _ = move(self.topology, Step(*row))

    def join(self, number: int) -> None:
        """A new machine: of a person, or of tags."""
        owner = self.people[number % 3] if number % 3 < 2 else None
        created = create_auth_key(
            network_id=self.network.pk,
            owner_id=None if owner is None else owner.pk,
            tags=() if owner else ("tag:db",),
            now=self.clock.at,
            random32=random32(),
            cause=Cause.command(),
        )
        machine = Machine("web")
        machine.register(created.secret, routes=[ROUTES[number % 3]], relay_latency_ms={"1": 5.0, "2": 9.0})
        self.machines.append(machine)

    def rejoin(self, machine: Machine, number: int) -> None:
        node = machine.node
        created = create_auth_key(
            network_id=self.network.pk,
            owner_id=node.owner_id,
            tags=[row.tag for row in node.tags.all()],
            now=self.clock.at,
            random32=random32(),
            cause=Cause.command(),
        )
        machine.register(created.secret, routes=ROUTES[: number % 4], os=f"os{number}")


def approve(world: World, node: Node, number: int) -> None:
    held = list(node.routes.values_list("prefix", flat=True))[: number % 3 + 1]
    set_route_approval(node_id=node.pk, prefixes=held, approved=number % 4 != 3, **world.act)


def session_of(node: Node) -> int:
    return NodeSession.objects.filter(node=node).latest("pk").pk


# What may happen to one machine; the number varies how.
EVENTS: dict[str, Callable[[World, Machine, int], object]] = {
    "rejoin": lambda w, m, n: w.rejoin(m, n),
    "renew": lambda w, m, n: m.new_session(),
    "heartbeat": lambda w, m, n: m.heartbeat(posture={"n": n}, relay_latency_ms={"1": 50.0, "2": float(n)}),
    "endpoints": lambda w, m, n: replace_endpoints(node_id=m.node.pk, endpoints=[f"203.0.113.9:{n + 1}"], **w.act),
    "routes": lambda w, m, n: put_routes(node_id=m.node.pk, prefixes=ROUTES[: n % 4], **w.act),
    "approve": lambda w, m, n: approve(w, m.node, n),
    "disable": lambda w, m, n: disable_node(node_id=m.node.pk, **w.act),
    "enable": lambda w, m, n: enable_node(node_id=m.node.pk, **w.act),
    "expire": lambda w, m, n: expire_node(node_id=m.node.pk, **w.act),
    "ask for a new key": lambda w, m, n: request_rotation(node_id=m.node.pk, **w.act),
    "ask all for new keys": lambda w, m, n: request_rotations(network_id=w.network.pk, **w.act),
    "key rotation": lambda w, m, n: update_network(
        network_id=w.network.pk, changes={"key_rotation_seconds": n * 60}, **w.act
    ),
    "delete": lambda w, m, n: delete_node(node_id=m.node.pk, **w.act),
    "leave": lambda w, m, n: m.call("delete", "nodes/self"),
    "rename": lambda w, m, n: rename_node(node_id=m.node.pk, name=f"name{n}", **w.act),
    "tag": lambda w, m, n: set_tags(node_id=m.node.pk, tags=[f"tag:t{n % 2}"], **w.act),
    "fix": lambda w, m, n: set_fixed_address(node_id=m.node.pk, address=f"10.1.9.{n + 1}", **w.act),
    "revoke": lambda w, m, n: revoke_session(session_id=session_of(m.node), **w.act),
    "log out": lambda w, m, n: log_out(session_id=session_of(m.node), **w.act),
    "online": lambda w, m, n: mark_online(network_id=w.network.pk, node_ids=[m.node.pk], **w.act),
    "offline": lambda w, m, n: mark_offline(network_id=w.network.pk, last_seen={m.node.pk: w.clock.at}, **w.act),
    "switch the owner": lambda w, m, n: set_user_active(user_id=w.people[n % 2].pk, active=n % 3 == 0, **w.act),
    "call the owner": lambda w, m, n: update_user(user_id=w.people[n % 2].pk, display_name=f"U{n}", **w.act),
    "settings": lambda w, m, n: update_network(network_id=w.network.pk, changes={"max_peers": n + 1}, **w.act),
    "record": lambda w, m, n: save_record(
        network_id=w.network.pk, name=f"r{n}.example", type="A", value="192.0.2.1", **w.act
    ),
    "region": lambda w, m, n: save_region(network_id=w.network.pk, number=n + 3, code=f"x{n}", name="X", **w.act),
    "drop a region": lambda w, m, n: delete_region(
        region_id=w.network.relay_regions.order_by("-number")[0].pk, **w.act
    ),
    "rule": lambda w, m, n: create_rule(
        network_id=w.network.pk, fields={"action": "accept", "sources": ["*"], "destinations": ["*"]}, **w.act
    ),
    "a day later": lambda w, m, n: w.clock.advance(days=1),
    "half a year later": lambda w, m, n: w.clock.advance(days=180),
    "sweep sessions": lambda w, m, n: expire_sessions(network_id=w.network.pk, now=w.clock.at),
    "sweep keys": lambda w, m, n: expire_nodes(network_id=w.network.pk, now=w.clock.at),
}


@pytest.mark.django_db
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    events=st.lists(st.tuples(st.sampled_from(sorted(EVENTS)), st.integers(0, 5), st.integers(0, 9)), max_size=30),
    joins=st.lists(st.integers(0, 2), min_size=1, max_size=4),
)
def test_following_is_as_good_as_reading_whole(
    monkeypatch: pytest.MonkeyPatch, events: list[tuple[str, int, int]], joins: list[int]
) -> None:
    clock = Clock(START)
    monkeypatch.setattr(timezone, "now", clock)
    forget_memory()
    with transaction.atomic():
        world = World(clock)
        for number in joins:
            world.join(number)
        for name, index, number in events:
            clock.advance(seconds=61)
            machine = world.machines[index % len(world.machines)]
            try:
                with transaction.atomic():
                    EVENTS[name](world, machine, number)
            except (GhostWireError, Node.DoesNotExist, NodeSession.DoesNotExist, IndexError):
                continue  # refused, or there is nothing left to do it to
            world.follow()
            assert visible(world.topology) == visible(load_topology(world.network.pk)), name
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_versions_have_no_gaps(clock: Clock) -> None:
    world = World(clock)
    for number in range(3):
        world.join(number)
    for name, event in EVENTS.items():
        if name in ("delete", "leave"):
            continue
        clock.advance(seconds=61)
        try:
            with transaction.atomic():
                event(world, world.machines[0], 1)
        except GhostWireError:
            continue
    versions = list(Change.objects.filter(network=world.network).order_by("version").values_list("version", flat=True))
    first = versions[0]
    assert versions == list(range(first, first + len(versions)))
    assert Network.objects.get().map_version == versions[-1]


def test_visible_tells_topologies_apart(clock: Clock, db: None) -> None:
    """The comparison above is worth something."""
    world = World(clock)
    world.join(0)
    world.follow()
    before = visible(world.topology)
    for change in ("heartbeat", "approve", "disable", "online"):
        with transaction.atomic():
            clock.advance(seconds=61)
            EVENTS[change](world, world.machines[0], 1)
            assert visible(load_topology(world.network.pk)) != before, change
            transaction.set_rollback(True)
