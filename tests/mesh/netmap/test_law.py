"""The law: full(from) + delta = full(to), whole, for every agent, whatever happens in between."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import msgspec
import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pyroaring import BitMap

from mesh.change import ChangeKind
from mesh.netmap.apply import apply_delta
from mesh.netmap.delta import delta_body
from mesh.netmap.fan import fan_out
from mesh.netmap.state import State, move_state
from mesh.policy import Group, Policy
from mesh.steps import Step, Touch
from mesh.topology import RouteRecord
from tests.mesh.netmap import world

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
NODE_IDS = st.integers(min_value=1, max_value=8)


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
        found.append(world.rule(position, sources, destinations, action))
    return found


class Law(RuleBasedStateMachine):
    """Agents follow one network: connected ones by what the fan-out sends, absent ones by one delta on return."""

    @initialize(rules=rules())
    def begin(self, rules: list[Any]) -> None:
        self.policy = world.policy(*rules, groups=self._groups([1], [2]))
        self.state = world.state_of([world.node(1), world.node(2, user=2)], self.policy)
        self.maps: dict[int, dict[str, Any]] = {}
        self.absent: dict[int, tuple[State, dict[str, Any], Touch]] = {}
        self.clock = world.NOW

    # --- What happens to the network

    @rule(node_id=NODE_IDS, user=st.sampled_from([None, 1, 2, 3]), tags=st.sets(st.sampled_from(["tag:a", "tag:b"])))
    def put_node(self, node_id: int, user: int | None, tags: set[str]) -> None:
        self._put(node_id, user=None if tags else user, tags=tuple(sorted(tags)))

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

    @rule(node_id=NODE_IDS, address=st.integers(min_value=1, max_value=200))
    def fix_address(self, node_id: int, address: int) -> None:
        self._put(node_id, addresses=(f"10.1.{node_id}.{address}",))

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
        at = (world.NOW + timedelta(minutes=minutes)).isoformat()
        gone = [{"id": node_id, "at": at} for node_id in sorted(offline - online)]
        self._step(ChangeKind.PRESENCE, {"online": sorted(online), "offline": gone})

    @rule(user=st.integers(min_value=1, max_value=4), active=st.booleans(), name=st.sampled_from(["", "Ana", "Ben"]))
    def set_user(self, user: int, active: bool, name: str) -> None:
        fact = {"id": user, "login": f"user{user}", "display_name": name, "is_active": active}
        self._step(ChangeKind.USERS, {"users": [fact]})

    @rule(user=st.integers(min_value=1, max_value=4))
    def delete_user(self, user: int) -> None:
        owned = [node.id for node in self.state.topology.nodes.values() if node.user == user]
        if owned:
            self._step(ChangeKind.NODES, {"nodes": [], "removed": owned})
        self._step(ChangeKind.USERS, {"users": [], "deleted": [{"id": user, "login": f"user{user}"}]})

    @rule()
    def end_a_right(self) -> None:
        self._step(ChangeKind.CREDENTIALS, {"auth_keys": [{"id": 1}]})

    @rule(rules=rules())
    def edit_policy(self, rules: list[Any]) -> None:
        self.policy = Policy(rules=tuple(rules), groups=self.policy.groups)
        self._step(ChangeKind.POLICY, {"at": self.clock.isoformat(), "rules": []})

    @rule(ops=st.lists(st.integers(min_value=1, max_value=3)), everyone=st.lists(st.integers(min_value=1, max_value=3)))
    def edit_groups(self, ops: list[int], everyone: list[int]) -> None:
        self.policy = Policy(rules=self.policy.rules, groups=self._groups(ops, everyone))
        self._step(ChangeKind.POLICY, {"at": self.clock.isoformat(), "rules": []})

    @rule(domain=st.sampled_from(["test.ghost", "other.ghost"]), server=st.sampled_from([(), ("9.9.9.9",)]))
    def set_network(self, domain: str, server: tuple[str, ...]) -> None:
        network = msgspec.structs.replace(self.state.topology.network, domain=domain, nameservers=server)
        self._step(ChangeKind.NETWORK, {"network": msgspec.to_builtins(network)})

    # --- What agents do

    @rule(node_id=NODE_IDS)
    def connect(self, node_id: int) -> None:
        if node_id in self.maps or self.state.topology.present(node_id) is None:
            return
        if node_id in self.absent:
            before, netmap, touch = self.absent.pop(node_id)
            if before.topology.present(node_id) is not None:
                self.maps[node_id] = self._apply(netmap, before, delta_body(before, self.state, node_id, touch))
                return
        self.maps[node_id] = world.joined_map(self.state, node_id)

    @rule(node_id=NODE_IDS)
    def disconnect(self, node_id: int) -> None:
        if node_id in self.maps:
            self.absent[node_id] = (self.state, self.maps.pop(node_id), Touch())

    # --- The law

    @invariant()
    def every_map_is_whole(self) -> None:
        for node_id, netmap in self.maps.items():
            assert world.canonical(netmap) == world.naive_map(self.state, node_id)
            assert world.joined_map(self.state, node_id) == world.naive_map(self.state, node_id)

    # --- Inside

    def _groups(self, ops: list[int], everyone: list[int]) -> tuple[Group, ...]:
        return (Group("ops", frozenset(ops)), Group("all", frozenset(everyone), frozenset({"ops"})))

    def _put(self, node_id: int, **changes: Any) -> None:
        known = self.state.topology.nodes.get(node_id) or world.node(node_id)
        record = msgspec.structs.replace(known, **changes)
        self._step(ChangeKind.NODES, {"nodes": [msgspec.to_builtins(record)], "removed": []})

    def _step(self, kind: ChangeKind, facts: dict[str, Any]) -> None:
        before = self.state
        step = Step(before.version + 1, kind, orjson.loads(orjson.dumps(facts)))
        self.state, touch = move_state(before, step, read_policy=lambda _: self.policy)
        for _, _, missed in self.absent.values():
            missed.add(touch)
        fan = fan_out(before, self.state, touch, BitMap(self.maps))
        told: set[int] = set()
        for body, node_ids in fan.bodies:
            for node_id in node_ids:
                assert node_id not in told, "a node is told once"
                told.add(node_id)
                self.maps[node_id] = self._apply(self.maps[node_id], before, body)
        for node_id in fan.gone:
            del self.maps[node_id]
        for node_id in fan.whole:
            self.maps[node_id] = world.joined_map(self.state, node_id)
        for node_id, netmap in self.maps.items():
            if node_id not in told:
                netmap["version"] = self.state.version

    def _apply(self, netmap: dict[str, Any], before: State, body: bytes | None) -> dict[str, Any]:
        head = b'{"epoch":1,"from":%d,"to":%d' % (netmap["version"], self.state.version)
        delta = orjson.loads(head + (b"," + body if body else b"") + b"}")
        named = [peer["id"] for member in ("peers_added", "peers_changed") for peer in delta.get(member, ())]
        named += delta.get("peers_removed", [])
        assert len(named) == len(set(named)), "an id stands in one member only"
        return apply_delta(netmap, delta)


EXAMPLES = int(os.environ.get("GHOSTWIRE_LAW_EXAMPLES", "500"))
Law.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None)
TestLaw = Law.TestCase
