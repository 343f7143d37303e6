"""Who is told what, and that nobody is told of others."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import orjson
import pytest
from pyroaring import BitMap

from mesh.change import ChangeKind
from mesh.netmap import fan
from mesh.netmap.blocks import Block
from mesh.netmap.fan import Fan, fan_out
from mesh.netmap.parts import peer_part
from mesh.netmap.state import State, move_state
from mesh.policy import NodeAttribute, Policy, parse_stored
from mesh.steps import Step
from mesh.topology import RouteRecord
from tests.mesh.netmap import world


def step(state: State, kind: ChangeKind, facts: dict[str, Any], policy: Policy | None = None) -> tuple[State, Fan]:
    """The next state, and what all its nodes are told."""
    change = Step(state.version + 1, kind, facts)
    after, touch = move_state(state, change, read_policy=lambda _: policy or state.policy.policy)
    return after, fan_out(state, after, touch, BitMap([node.id for node in after.topology.nodes.values()]))


def told(sent: Fan) -> dict[int, dict[str, Any]]:
    return {node_id: orjson.loads(b"{" + body + b"}") for body, node_ids in sent.bodies for node_id in node_ids}


def silence(*node_ids: int, seconds: int = 0) -> dict[str, Any]:
    at = world.NOW.replace(second=seconds).isoformat()
    return {"online": [], "offline": [{"id": node_id, "at": at} for node_id in node_ids]}


def online(node_id: int, **changes: Any) -> Any:
    return world.node(node_id, online=True, **changes)


@pytest.fixture
def in_bulk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of nodes counts as many."""
    monkeypatch.setattr(fan, "FEW_NODES", 0)


@pytest.mark.usefixtures("in_bulk")
class TestPresence:
    def test_those_who_see_the_same_share_one_body(self) -> None:
        nodes = [online(1), online(2, user=2), online(3, user=3), online(4, user=None, tags=("tag:a",))]
        state = world.state_of(nodes, world.policy(world.rule(1, "autogroup:member", "tag:a")))
        _, sent = step(state, ChangeKind.PRESENCE, silence(4))
        assert sorted(sorted(ids) for _, ids in sent.bodies) == [[1, 2, 3], [4]]

    def test_nodes_of_one_class_lost_in_one_second_are_one_range(self) -> None:
        nodes = [online(9), *(online(ident, user=None, tags=("tag:a",)) for ident in (1, 2, 3))]
        state = world.state_of(nodes, world.policy(world.rule(1, "autogroup:member", "tag:a")))
        _, sent = step(state, ChangeKind.PRESENCE, silence(1, 2, 3))
        offline = [{"at": "2026-03-01T12:00:00Z", "ids": [[1, 3]]}]
        assert told(sent)[9] == {"presence": {"online": [], "offline": offline}}

    def test_a_device_that_its_owners_others_alone_see_is_told_to_those(self) -> None:
        own = world.rule(1, "autogroup:member", "autogroup:self")
        state = world.state_of([online(1), online(2), online(3, user=2)], world.policy(own))
        _, sent = step(state, ChangeKind.PRESENCE, silence(2))
        assert told(sent)[1]["presence"]["offline"][0]["ids"] == [[2, 2]]
        assert 3 not in told(sent)

    def test_a_device_hidden_from_its_owners_others_is_not_named_to_those(self) -> None:
        hide = world.rule(1, "autogroup:member", "autogroup:self", "deny")
        state = world.state_of(
            [online(1), online(2), online(3, user=2)], world.policy(hide, world.rule(2, "*", "autogroup:member"))
        )
        _, sent = step(state, ChangeKind.PRESENCE, silence(2))
        assert told(sent)[3]["presence"]["offline"][0]["ids"] == [[2, 2]]
        assert 1 not in told(sent)


class TestRules:
    def test_a_rule_about_one_pair_concerns_that_pair(self) -> None:
        base = world.rule(1, "autogroup:member", "tag:a")
        nodes = [world.node(ident, user=1 + ident % 3) for ident in range(1, 6)]
        nodes.append(world.node(6, user=None, tags=("tag:a",)))
        state = world.state_of(nodes, world.policy(base))
        edited = world.policy(base, world.rule(2, "node#1", "node#2"))
        _, sent = step(state, ChangeKind.POLICY, {"at": world.NOW.isoformat(), "rules": []}, edited)
        assert told(sent).keys() == {1, 2}

    def test_a_group_that_comes_to_see_itself_hears_nobody_of_itself(self) -> None:
        nodes = [world.node(1, user=1), world.node(2, user=2), world.node(3, user=3)]
        state = world.state_of(nodes, world.policy())
        edited = world.policy(world.rule(1, "autogroup:member", "autogroup:member"))
        _, sent = step(state, ChangeKind.POLICY, {"at": world.NOW.isoformat(), "rules": []}, edited)
        added = {node_id: [peer["id"] for peer in delta["peers_added"]] for node_id, delta in told(sent).items()}
        assert added == {1: [2, 3], 2: [1, 3], 3: [1, 2]}

    def test_an_own_device_that_was_seen_before_becomes_an_exit_node(self) -> None:
        exit_node = world.node(1, routes=(RouteRecord("0.0.0.0/0", True, True, True),))
        own = world.rule(1, "autogroup:member", "autogroup:self")
        state = world.state_of([exit_node, world.node(3)], world.policy(own))
        edited = world.policy(own, world.rule(2, "*", "autogroup:internet"))
        _, sent = step(state, ChangeKind.POLICY, {"at": world.NOW.isoformat(), "rules": []}, edited)
        assert told(sent)[3]["peers_changed"] == [{"id": 1, "exit_node": True}]

    @pytest.mark.parametrize("known", [False, True], ids=["new", "switched on"])
    def test_a_router_is_not_told_of_itself_what_its_peers_are(self, known: bool) -> None:
        exit_node = world.node(1, routes=(RouteRecord("0.0.0.0/0", True, True, True),))
        everybody, internet = world.rule(1, "*", "*"), world.rule(2, "*", "autogroup:internet")
        before = [everybody, dataclasses.replace(internet, enabled=False)] if known else [everybody]
        state = world.state_of([exit_node, world.node(2), world.node(3, user=2)], world.policy(*before))
        if known:  # the engine has told the internet's classes apart before
            facts = {"at": world.NOW.isoformat(), "rules": []}
            state, _ = step(state, ChangeKind.POLICY, facts, world.policy(everybody, internet))
            state, _ = step(state, ChangeKind.POLICY, facts, world.policy(*before))
        edited = world.policy(everybody, internet)
        _, sent = step(state, ChangeKind.POLICY, {"at": world.NOW.isoformat(), "rules": []}, edited)
        assert "peers_changed" not in told(sent).get(1, {})
        assert told(sent)[2]["peers_changed"] == told(sent)[3]["peers_changed"] == [{"id": 1, "exit_node": True}]


class TestAttributes:
    def granting(self, *targets: str) -> Policy:
        base = world.policy(world.rule(1, "autogroup:member", "tag:a"))
        given = NodeAttribute(tuple(map(parse_stored, targets)), ("audit",))
        return dataclasses.replace(base, node_attributes=(given,))

    def test_a_node_and_its_peers_are_told_of_what_an_edit_gives_it(self) -> None:
        nodes = [world.node(1), world.node(2, user=None, tags=("tag:a",)), world.node(3, user=2)]
        state = world.state_of(nodes, world.policy(world.rule(1, "autogroup:member", "tag:a")))
        facts = {"at": world.NOW.isoformat(), "rules": []}
        after, sent = step(state, ChangeKind.POLICY, facts, self.granting("tag:a"))
        assert told(sent)[1] == {"peers_changed": [{"id": 2, "capabilities": {"audit": True}}]}
        assert told(sent)[2]["node"]["capabilities"] == {"audit": True}
        assert world.joined_map(after, 3)["peers"][0]["capabilities"] == {"audit": True}

    def test_a_node_that_changes_hands_changes_its_capabilities(self) -> None:
        nodes = [world.node(1, user=1), world.node(2, user=None, tags=("tag:a",))]
        state = world.state_of(nodes, self.granting("user#2"))
        moved = msgspec.to_builtins(msgspec.structs.replace(nodes[0], user=2))
        _, sent = step(state, ChangeKind.NODES, {"nodes": [moved], "removed": []})
        assert told(sent)[2]["peers_changed"] == [{"id": 1, "user": 2, "capabilities": {"audit": True}}]


@pytest.mark.parametrize(
    ("without", "left"), [([1], [2, 3]), ([2], [1, 3]), ([3], [1, 2]), ([1, 2, 3], []), ([9], [1, 2, 3]), ([1, 3], [2])]
)
def test_a_block_without_some_of_its_peers(without: list[int], left: list[int]) -> None:
    block = Block([(ident, peer_part(world.node(ident))) for ident in (1, 2, 3)])
    peers = orjson.loads(b"[" + block.without(without) + b"]")
    assert [peer["id"] for peer in peers] == left
