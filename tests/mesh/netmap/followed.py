"""A network with agents that follow it: what happens becomes steps, and the fan-out's frames reach the agents."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis.stateful import RuleBasedStateMachine
from pyroaring import BitMap

from mesh.change import ChangeKind
from mesh.netmap import fan
from mesh.netmap.apply import DeltaError, apply_delta
from mesh.netmap.delta import delta_body
from mesh.netmap.state import State, move_state
from mesh.policy import Group, Policy
from mesh.steps import Step, Touch
from tests.mesh.netmap import world


class Followed(RuleBasedStateMachine):
    """Connected agents are told by frames, absent ones by one delta on return; a frame may be lost."""

    patch: pytest.MonkeyPatch
    policy: Policy
    state: State
    clock: datetime
    maps: dict[int, dict[str, Any]]
    """Of each node whose agent follows, its map as what it was told made it."""
    absent: dict[int, tuple[State, dict[str, Any], Touch]]
    """Of those that went away: what was true then, their map, and what they missed."""
    deaf: dict[int, tuple[State, Touch]]
    """Of those whose frames are lost: what was true before, and what they missed."""

    def _groups(self, ops: list[int], everyone: list[int]) -> tuple[Group, ...]:
        return (Group("ops", frozenset(ops)), Group("all", frozenset(everyone), frozenset({"ops"})))

    def _put(self, node_id: int, **changes: Any) -> None:
        self._put_all({node_id: changes})

    def _put_all(self, changes: dict[int, dict[str, Any]]) -> None:
        known = self.state.topology.nodes
        records = [
            msgspec.structs.replace(known.get(node_id) or world.node(node_id), **members)
            for node_id, members in changes.items()
        ]
        self._step(ChangeKind.NODES, {"nodes": msgspec.to_builtins(records), "removed": []})

    def _activate(self, **changes: Any) -> None:
        self.policy = dataclasses.replace(self.policy, **changes)
        self._step(ChangeKind.POLICY, {"at": self.clock.isoformat(), "rules": []})

    def _step(self, kind: ChangeKind, facts: dict[str, Any]) -> None:
        before = self.state
        step = Step(before.version + 1, kind, orjson.loads(orjson.dumps(facts)))
        self.state, touch = move_state(before, step, read_policy=lambda _: self.policy)
        for _, _, missed in self.absent.values():
            missed.add(touch)
        for _, missed in self.deaf.values():
            missed.add(touch)
        sent = fan.fan_out(before, self.state, touch, BitMap(self.maps))
        told: set[int] = set()
        for body, node_ids in sent.bodies:
            for node_id in node_ids:
                assert node_id not in told, "a node is told once"
                told.add(node_id)
                self._receive(node_id, before, body)
        for node_id in sent.gone:
            del self.maps[node_id]
            self.deaf.pop(node_id, None)
        for node_id in sent.whole:
            self.maps[node_id] = world.joined_map(self.state, node_id)
            self.deaf.pop(node_id, None)
        for node_id, netmap in self.maps.items():
            if node_id not in told and node_id not in self.deaf:
                netmap["version"] = self.state.version

    def _receive(self, node_id: int, before: State, body: bytes) -> None:
        """A frame that goes on from what was last sent; what does not fit is refused, and healed by asking anew."""
        netmap = self.maps[node_id]
        if node_id in self.deaf and netmap["version"] == before.version:
            return  # lost
        if node_id in self.deaf:
            with pytest.raises(DeltaError):
                apply_delta(netmap, self._delta(body, before.version))
            last, missed = self.deaf.pop(node_id)
            self.maps[node_id] = self._apply(netmap, delta_body(last, self.state, node_id, missed))
            return
        delta = self._delta(body, before.version)
        self.maps[node_id] = apply_delta(netmap, delta)
        self._names_nobody_else(node_id, delta)
        with pytest.raises(DeltaError):  # the same frame again
            apply_delta(self.maps[node_id], delta)

    def _names_nobody_else(self, node_id: int, delta: dict[str, Any]) -> None:
        """Readers pass over presence and profiles that they have no use for: so nothing else would tell of a leak."""
        netmap = self.maps[node_id]
        presence = delta.get("presence", {})
        ranges = [*presence.get("online", ()), *(ids for gone in presence.get("offline", ()) for ids in gone["ids"])]
        named = {ident for first, last in ranges for ident in range(first, last + 1)}
        assert named <= {peer["id"] for peer in netmap["peers"]} | {node_id}
        assert delta.get("user_profiles", {}).keys() <= netmap["user_profiles"].keys()

    def _apply(self, netmap: dict[str, Any], body: bytes | None) -> dict[str, Any]:
        return apply_delta(netmap, self._delta(body, netmap["version"]))

    def _delta(self, body: bytes | None, start: int) -> dict[str, Any]:
        head = b'{"epoch":1,"from":%d,"to":%d' % (start, self.state.version)
        delta: dict[str, Any] = orjson.loads(head + (b"," + body if body else b"") + b"}")
        named = [peer["id"] for member in ("peers_added", "peers_changed") for peer in delta.get(member, ())]
        named += delta.get("peers_removed", [])
        assert len(named) == len(set(named)), "an id stands in one member only"
        return delta
