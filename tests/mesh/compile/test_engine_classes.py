"""Classes of the compiled policy: what tells nodes apart, and what is passed over where there are too many."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import pytest

from mesh.compile import compile_policy, moved
from mesh.compile import crowding as crowding_module
from mesh.compile.classes import classify
from mesh.compile.crowding import classify_within_limit
from mesh.compile.world import read_facts
from mesh.errors import ValidationError
from mesh.policy import (
    Action,
    Condition,
    ConditionKind,
    FactsChange,
    Group,
    NetworkFacts,
    Policy,
    Rule,
)
from mesh.policy import selectors as s
from tests.mesh.compile.engines import A, B, C, engine, node
from tests.mesh.compile.rules import SSH, accept, deny
from tests.mesh.policy.strategies import AT


class TestClassDimensions:
    """Two nodes that differ in one thing alone, and a rule that looks at it: each must get its own answer."""

    @pytest.mark.parametrize(
        ("selector", "one", "other"),
        [
            (s.user(7), {"user": 7}, {"user": 8}),
            (s.group("g"), {"user": 7}, {"user": 8}),
            (s.MEMBER, {"user": 7}, {"tags": frozenset({"tag:a"}), "user": None}),
            (s.TAGGED, {"tags": frozenset({"tag:a"}), "user": None}, {"user": 7}),
            (
                s.tag("tag:a"),
                {"tags": frozenset({"tag:a"}), "user": None},
                {"tags": frozenset({"tag:b"}), "user": None},
            ),
            (s.node(4), {}, {}),
            (s.prefix(ip_network("10.1.0.4/32")), {}, {}),
            (s.prefix(ip_network("fd00::4/126")), {}, {"addresses": (ip_address("fd00::9"),)}),
            (s.prefix(ip_network("10.9.0.0/24")), {"routes": (ip_network("10.9.0.0/28"),)}, {}),
        ],
    )
    def test_who_or_where_a_node_is(self, selector: Any, one: dict[str, Any], other: dict[str, Any]) -> None:
        first, second = replace(node(4, 7), **one), replace(node(8, 7), **other)
        for rule in (accept(selector, s.tag("tag:c")), accept(s.tag("tag:c"), selector)):
            found = engine([rule], first, second, C, groups=(Group("g", frozenset({7})),))
            assert found.peers_of(3) == [4]

    @pytest.mark.parametrize(
        ("condition", "one", "other"),
        [
            (Condition(ConditionKind.OS_IN, ("linux",)), {"os": "linux"}, {"os": "windows"}),
            (Condition(ConditionKind.VERSION_AT_LEAST, ("1.5",)), {"agent_version": "1.5"}, {"agent_version": "1.4"}),
            (
                Condition(ConditionKind.ATTRIBUTE_EQUALS, ("gold",), "tier"),
                {"posture": (("tier", "gold"),)},
                {"posture": (("tier", "tin"),)},
            ),
        ],
    )
    def test_what_a_node_reports(self, condition: Condition, one: dict[str, Any], other: dict[str, Any]) -> None:
        first, second, silent = replace(node(4, 7), **one), replace(node(8, 7), **other), node(9, 7)
        rule = accept(s.MEMBER, s.tag("tag:c"), conditions=(condition,))
        assert engine([rule], first, second, silent, C).peers_of(3) == [4]
        shut = replace(rule, action=Action.DENY)
        assert engine([shut, accept(s.MEMBER, s.tag("tag:c"))], first, second, silent, C).peers_of(3) == [8]

    def test_an_exit_node_is_told_from_others(self) -> None:
        out = node(4, 7, routes=(ip_network("0.0.0.0/0"),))
        found = engine([accept(s.tag("tag:c"), s.INTERNET)], out, node(8, 7), C)
        assert found.peers_of(3) == [4]
        assert found.exit_node_for(3, 4)
        assert not found.exit_node_for(4, 3)
        assert not found.exit_node_for(8, 4)
        assert found.routes_between(3, 4) == ()

    def test_a_default_route_matches_no_address(self) -> None:
        out = node(4, 7, routes=(ip_network("0.0.0.0/0"), ip_network("::/0")))
        for wide in ("0.0.0.0/0", "8.8.8.0/24", "::/0", "2600::/16"):
            found = engine([accept(s.tag("tag:c"), s.prefix(ip_network(wide)), SSH)], out, C)
            assert not found.exit_node_for(3, 4)

    def test_a_subnet_counts_where_a_rule_reaches_it(self) -> None:
        gate = node(4, None, "tag:gate", routes=(ip_network("10.9.0.0/24"), ip_network("10.8.0.0/24")))
        found = engine([accept(s.user(7), s.prefix(ip_network("10.9.0.0/28")))], A, B, gate)
        assert found.routes_between(1, 4) == (ip_network("10.9.0.0/24"),)
        assert found.routes_between(2, 4) == ()
        assert found.routes_between(4, 4) == ()
        behind = engine([accept(s.prefix(ip_network("10.8.0.7/32")), s.user(8))], A, B, gate)
        assert behind.routes_between(2, 4) == (ip_network("10.8.0.0/24"),)

    def test_every_router_of_a_subnet_is_visible(self) -> None:
        routers = [node(ident, None, "tag:gate", routes=(ip_network("10.9.0.0/24"),)) for ident in (4, 5)]
        found = engine([accept(s.user(7), s.prefix(ip_network("10.9.0.0/24")))], A, *routers)
        assert found.peers_of(1) == [4, 5]

    def test_a_denial_of_part_of_a_subnet_leaves_the_rest(self) -> None:
        gate = node(4, None, "tag:gate", routes=(ip_network("10.9.0.0/30"),))
        half = deny(s.user(7), s.prefix(ip_network("10.9.0.0/31")))
        rest = deny(s.user(7), s.prefix(ip_network("10.9.0.2/31")))
        whole = accept(s.user(7), s.prefix(ip_network("10.9.0.0/24")))
        assert engine([half, whole], A, gate).sees(1, 4)
        assert not engine([half, rest, whole], A, gate).sees(1, 4)


class TestCrowding:
    conditions = tuple(Condition(ConditionKind.ATTRIBUTE_EQUALS, (number,), f"a{number}") for number in range(4))
    rules = tuple(
        Rule(n, n, Action.ACCEPT, (s.MEMBER,), (s.tag("tag:c"),), conditions=(condition,))
        for n, condition in enumerate(conditions, start=1)
    )

    def crowd(self) -> NetworkFacts:
        nodes = tuple(
            node(
                number + 10,
                7,
                posture=tuple((f"a{bit}", bit) for bit in range(4) if number >> bit & 1),
                posture_changed=100 - number,
            )
            for number in range(16)
        )
        return NetworkFacts("test.ghost", IPv4Network("10.1.0.0/24"), IPv6Network("fd00::/64"), (*nodes, C))

    def test_past_the_limit_the_latest_changers_of_posture_are_unknown(self) -> None:
        compiled = compile_policy(Policy(self.rules), self.crowd(), AT)
        assert len(compiled.classes.keys) == 17
        world, kinds = read_facts(self.crowd())
        classes, muted = classify_within_limit(world, kinds, compiled.classifier, limit=10)
        assert len(classes.keys) <= 10
        heard = {item.id for item in self.crowd().nodes} - muted - {10}  # whose posture says what is unknown anyhow
        changed = {item.id: item.posture_changed for item in self.crowd().nodes}
        assert C.id in heard
        assert max(changed[ident] for ident in heard) <= min(changed[ident] for ident in muted)
        assert len(muted) == 7
        assert len(classify(world, kinds, compiled.classifier, muted).keys) == len(classes.keys)

    def test_a_compiled_policy_says_whom_it_does_not_hear(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from mesh.compile import build

        monkeypatch.setattr(build, "MAX_CLASSES", 10)
        monkeypatch.setattr(crowding_module, "MAX_CLASSES", 10)
        monkeypatch.setattr(build, "classify_within_limit", partial(classify_within_limit, limit=10))
        compiled = compile_policy(Policy(self.rules), self.crowd(), AT)
        assert len(compiled.muted) == 7
        assert "counts as unknown" in compiled.warnings[-1]
        assert all(not compiled.sees(ident, C.id) for ident in compiled.muted)
        assert compiled.sees(25, C.id)
        assert moved(compiled, FactsChange((node(99, 7),))).muted == compiled.muted

    def test_too_many_kinds_of_nodes_are_refused(self) -> None:
        world, kinds = read_facts(self.crowd())
        compiled = compile_policy(Policy(self.rules), self.crowd(), AT)
        with pytest.raises(ValidationError, match="kinds of nodes"):
            classify_within_limit(world, kinds, compiled.classifier, limit=1)
