"""The law: full(from) + delta = full(to), whole, for every agent, whatever happens in between."""

from __future__ import annotations

import dataclasses
import os
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from mesh.change import ChangeKind
from mesh.netmap import blocks, fan
from mesh.netmap.delta import delta_body
from mesh.netmap.state import build_state
from mesh.policy import Condition, ConditionKind, NodeAttribute, parse_stored
from mesh.policy.schedule import Schedule
from mesh.steps import Touch
from mesh.topology import RelayRegionRecord, RelayServerRecord, RouteRecord
from tests.mesh.compile.limits import limit_classes
from tests.mesh.netmap import world
from tests.mesh.netmap.followed import Followed

SELECTORS = [
    "*",
    "autogroup:member",
    "autogroup:tagged",
    "user#1",
    "user#2",
    "group:ops",
    "group:all",
    "tag:a",
    "tag:b",
    "node#1",
    "node#2",
    "10.1.0.0/29",
    "10.50.0.0/16",
    "fd00:1234:5678::3/128",
]
SOURCES = st.lists(st.sampled_from(SELECTORS), min_size=1, max_size=2).map(" ".join)
PEOPLE = st.sampled_from(["*", "autogroup:member", "user#1", "group:ops", "node#1"])
ROUTES = ["10.50.0.0/16", "10.60.0.0/24", "0.0.0.0/0", "fd99::/64"]
NODES = [1, 2, 3, 4, 5, 130, 131, 300]
NODE_IDS = st.sampled_from(NODES)
TAGS = st.sets(st.sampled_from(["tag:a", "tag:b"]))
USER_LISTS = st.lists(st.integers(min_value=1, max_value=3))
NOON = 12 * 60
SCHEDULES = [
    None,
    None,
    Schedule(start=NOON + 1, end=NOON + 3),
    Schedule(expires_at=world.NOW + timedelta(minutes=2)),
]
CONDITIONS = [(), (), (Condition(ConditionKind.OS_IN, ("linux",)),)]


@st.composite
def rules(draw: st.DrawFn) -> list[Any]:
    found = []
    for position in range(1, draw(st.integers(min_value=0, max_value=5)) + 1):
        action = draw(st.sampled_from(["accept", "accept", "deny"]))
        if draw(st.integers(min_value=0, max_value=3)) == 0:
            sources, destinations = draw(PEOPLE), "autogroup:self"
        else:
            sources = draw(SOURCES)
            destinations = draw(st.one_of(SOURCES, st.just("autogroup:internet")))
        members = {"schedule": draw(st.sampled_from(SCHEDULES)), "conditions": draw(st.sampled_from(CONDITIONS))}
        found.append(world.rule(position, sources, destinations, action, **members))
    return found


@st.composite
def attributes(draw: st.DrawFn) -> tuple[NodeAttribute, ...]:
    return tuple(
        NodeAttribute(tuple(parse_stored(text) for text in draw(SOURCES).split()), (name,))
        for name in draw(st.sets(st.sampled_from(["audit", "backup"])))
    )


class Law(Followed):
    """Agents follow one network: connected ones by what the fan-out sends, absent ones by one delta on return."""

    @initialize(
        rules=rules(),
        own=st.sampled_from(["accept", "accept", "deny", None]),
        crowded=st.booleans(),
        limit=st.sampled_from([None, None, None, 1, 3, 6]),
    )
    def begin(self, rules: list[Any], own: str | None, crowded: bool, limit: int | None) -> None:
        self.patch = pytest.MonkeyPatch()
        if limit is not None:  # of policy classes: posture is passed over, and the network grows past it
            limit_classes(self.patch, limit)
        if crowded:  # as if there were so many nodes that large networks' ways are taken
            self.patch.setattr(fan, "FEW_NODES", 0)
            self.patch.setattr(blocks, "BLOCK_PEERS", 1)
            self.patch.setattr(blocks, "READY_BYTES", 1)
        if own is not None:
            rules = [world.rule(0, "autogroup:member", "autogroup:self", own), *rules]
        self.policy = world.policy(*rules, groups=self._groups([1], [2]))
        nodes = [world.node(1), world.node(2, user=2), world.node(3), world.node(4, user=None, tags=("tag:a",))]
        self.state = world.state_of(nodes, self.policy)
        self.maps = {node.id: world.joined_map(self.state, node.id) for node in nodes if node.id != 2}
        self.absent = {}
        self.deaf = {}
        self.clock = world.NOW

    # --- What happens to the network

    @rule(node_id=NODE_IDS, user=st.sampled_from([None, 1, 2, 3]), tags=TAGS)
    def put_node(self, node_id: int, user: int | None, tags: set[str]) -> None:
        """A registration, another owner, or from a user to tags and back."""
        self._put(node_id, user=None if tags else user, tags=tuple(sorted(tags)))

    @rule(node_ids=st.sets(NODE_IDS, min_size=2), user=st.sampled_from([1, 2]))
    def put_nodes(self, node_ids: set[int], user: int) -> None:
        self._put_all({node_id: {"user": user, "tags": ()} for node_id in sorted(node_ids)})

    @rule(node_id=NODE_IDS)
    def remove_node(self, node_id: int) -> None:
        self._step(ChangeKind.NODES, {"nodes": [], "removed": [node_id]})

    @rule(node_id=NODE_IDS, state=st.sampled_from(["active", "active", "disabled", "expired"]), login=st.booleans())
    def set_state(self, node_id: int, state: str, login: bool) -> None:
        self._put(node_id, state=state, login_required=login)

    @rule(node_id=NODE_IDS, name=st.sampled_from(["web", "db", "n1"]), home=st.sampled_from([None, 1, 2]))
    def describe(self, node_id: int, name: str, home: int | None) -> None:
        self._put(node_id, name=name, home_region=home)

    @rule(node_id=NODE_IDS, key=st.integers(min_value=0, max_value=99))
    def rotate_key(self, node_id: int, key: int) -> None:
        self._put(node_id, key=f"rotated-{key}")

    @rule(node_ids=st.sets(NODE_IDS, min_size=1), minutes=st.integers(min_value=0, max_value=2))
    def ask_for_new_keys(self, node_ids: set[int], minutes: int) -> None:
        asked = {"rotate_requested_at": world.NOW + timedelta(minutes=minutes), "key_created_at": world.NOW}
        self._put_all(dict.fromkeys(sorted(node_ids), asked))

    @rule(seconds=st.sampled_from([0, 60, 90]))
    def set_key_rotation(self, seconds: int) -> None:
        network = msgspec.structs.replace(self.state.topology.network, key_rotation_seconds=seconds)
        self._step(ChangeKind.NETWORK, {"network": msgspec.to_builtins(network)})

    @rule(node_id=NODE_IDS, address=st.integers(min_value=1, max_value=200))
    def fix_address(self, node_id: int, address: int) -> None:
        self._put(node_id, addresses=(f"10.1.{node_id % 100}.{address}",))

    @rule(node_id=NODE_IDS, os=st.sampled_from(["linux", "windows"]))
    def report(self, node_id: int, os: str) -> None:
        self._put(node_id, os=os)

    @rule(node_id=NODE_IDS, data=st.data())
    def set_routes(self, node_id: int, data: st.DataObject) -> None:
        prefixes = data.draw(st.sets(st.sampled_from(ROUTES)))
        routes = []
        for prefix in sorted(prefixes):
            approved = data.draw(st.booleans())
            taken = any(
                route.prefix == prefix and route.primary
                for other in self.state.topology.nodes.values()
                if other.id != node_id
                for route in other.routes
            )
            routes.append(RouteRecord(prefix, True, approved, approved and not taken))
        self._put(node_id, routes=tuple(routes))

    @rule(node_id=NODE_IDS, port=st.sampled_from([1, 2]), several=st.booleans())
    def set_endpoints(self, node_id: int, port: int, several: bool) -> None:
        endpoints = [f"203.0.113.9:{port}"] + (["192.0.2.1:1"] if several else [])
        self._step(ChangeKind.ENDPOINTS, {"endpoints": {str(node_id): endpoints}})

    @rule(online=st.sets(NODE_IDS), offline=st.sets(NODE_IDS), minutes=st.integers(min_value=1, max_value=3))
    def set_presence(self, online: set[int], offline: set[int], minutes: int) -> None:
        gone = [
            {"id": node_id, "at": (world.NOW + timedelta(minutes=minutes, seconds=node_id % 2)).isoformat()}
            for node_id in sorted(offline - online)
        ]
        self._step(ChangeKind.PRESENCE, {"online": sorted(online), "offline": gone})

    @rule(node_ids=st.sets(NODE_IDS), login=st.booleans())
    def end_sessions(self, node_ids: set[int], login: bool) -> None:
        self._step(ChangeKind.SESSIONS, {"ended": sorted(node_ids), "login_required": login})

    @rule(user=st.integers(min_value=1, max_value=4), active=st.booleans(), name=st.sampled_from(["", "Ana", "Ben"]))
    def set_user(self, user: int, active: bool, name: str) -> None:
        fact = {"id": user, "login": f"user{user}", "display_name": name, "is_active": active}
        self._step(ChangeKind.USERS, {"users": [fact]})

    @rule(rules=rules())
    def edit_policy(self, rules: list[Any]) -> None:
        self._activate(rules=tuple(rules))

    @rule(data=st.data())
    def switch_a_rule(self, data: st.DataObject) -> None:
        rules = list(self.policy.rules)
        if rules:
            at = data.draw(st.integers(min_value=0, max_value=len(rules) - 1))
            options: list[dict[str, Any]] = [{"enabled": not rules[at].enabled}, {"schedule": SCHEDULES[2]}]
            rules[at] = dataclasses.replace(rules[at], **data.draw(st.sampled_from(options)))
            self._activate(rules=tuple(rules))

    @rule(ops=USER_LISTS, everyone=USER_LISTS)
    def edit_groups(self, ops: list[int], everyone: list[int]) -> None:
        self._activate(groups=self._groups(ops, everyone))

    @rule(attributes=attributes())
    def edit_attributes(self, attributes: tuple[NodeAttribute, ...]) -> None:
        self._activate(node_attributes=attributes)

    @rule(minutes=st.integers(min_value=1, max_value=3))
    def pass_a_boundary(self, minutes: int) -> None:
        self.clock += timedelta(minutes=minutes)
        self._step(ChangeKind.POLICY, {"at": self.clock.isoformat()})

    @rule(domain=st.sampled_from(["test.ghost", "other.ghost"]), server=st.sampled_from([(), ("9.9.9.9",)]))
    def set_network(self, domain: str, server: tuple[str, ...]) -> None:
        network = msgspec.structs.replace(self.state.topology.network, domain=domain, nameservers=server)
        self._step(ChangeKind.NETWORK, {"network": msgspec.to_builtins(network)})

    @rule(regions=st.lists(st.integers(min_value=1, max_value=3), unique=True), moved=st.sets(NODE_IDS))
    def lose_relays(self, regions: list[int], moved: set[int]) -> None:
        """Regions come and go, and with them, in the same step, the homes of nodes."""
        told = tuple(
            RelayRegionRecord(number, f"r{number}", "Region", (RelayServerRecord("a", "a.test", None, None, 443, 0),))
            for number in regions
        )
        network = msgspec.structs.replace(self.state.topology.network, relay_regions=told)
        homes = [{"region": regions[0] if regions else None, "nodes": sorted(moved)}]
        self._step(ChangeKind.NETWORK, {"network": msgspec.to_builtins(network), "homes": homes})

    # --- What agents do

    @rule(node_id=NODE_IDS)
    def connect(self, node_id: int) -> None:
        if node_id in self.maps or self.state.topology.present(node_id) is None:
            return
        if node_id in self.absent:
            before, netmap, touch = self.absent.pop(node_id)
            if before.topology.present(node_id) is not None:
                self.maps[node_id] = self._apply(netmap, delta_body(before, self.state, node_id, touch))
                return
        self.maps[node_id] = world.packed_map(self.state, node_id)

    @rule(node_id=NODE_IDS)
    def disconnect(self, node_id: int) -> None:
        if node_id in self.maps and node_id not in self.deaf:
            self.absent[node_id] = (self.state, self.maps.pop(node_id), Touch())

    @rule(node_id=NODE_IDS)
    def lose_frames(self, node_id: int) -> None:
        """From now on what is sent to the agent is lost, until a frame arrives that does not fit."""
        if node_id in self.maps and node_id not in self.deaf:
            self.deaf[node_id] = (self.state, Touch())

    # --- The law

    @invariant()
    def every_map_is_whole(self) -> None:
        for node_id, netmap in self.maps.items():
            naive = world.naive_map(self.state, node_id)
            assert world.joined_map(self.state, node_id) == naive
            if node_id not in self.deaf:
                assert world.canonical(netmap) == naive

    def teardown(self) -> None:
        try:
            anew = build_state(self.state.topology, self.policy, self.clock)
            for node_id in self.maps:
                assert world.naive_map(anew, node_id) == world.naive_map(self.state, node_id)
        finally:
            self.patch.undo()


EXAMPLES = int(os.environ.get("GHOSTWIRE_LAW_EXAMPLES", "500"))
Law.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None)
TestLaw = pytest.mark.timeout(900)(Law.TestCase)  # half a minute of work, on machines that are busy with much else
