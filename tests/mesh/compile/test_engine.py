"""The compiled policy as a whole: classes, own devices, time, limits, and what must never happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.compile import at_instant, compile_policy, moved, with_policy
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
    PolicyNode,
    PortRange,
    Rule,
    Schedule,
)
from mesh.policy import selectors as s
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, networks, policies

SSH, WEB = (PortRange(22, 22),), (PortRange(80, 80),)


def node(ident: int, user: int | None = None, *tags: str, **more: Any) -> PolicyNode:
    addresses = more.pop("addresses", (ip_address(f"10.1.0.{ident}"), ip_address(f"fd00::{ident:x}")))
    return PolicyNode(ident, f"n{ident}", user, frozenset(tags), addresses, **more)


def engine(rules: list[Rule], *nodes: PolicyNode, groups: tuple[Group, ...] = ()) -> Any:
    numbered = tuple(replace(rule, id=place, position=place) for place, rule in enumerate(rules, start=1))
    facts = NetworkFacts("test.ghost", IPv4Network("10.1.0.0/24"), IPv6Network("fd00::/64"), nodes)
    return compile_policy(Policy(numbered, groups), facts, AT)


def accept(source: Any, destination: Any, ports: Any = (), **more: Any) -> Rule:
    return Rule(0, 0, Action.ACCEPT, (source,), (destination,), more.pop("protocols", ()), ports, **more)


def deny(*arguments: Any, **more: Any) -> Rule:
    return replace(accept(*arguments, **more), action=Action.DENY)


A, B, C = node(1, 7), node(2, 8), node(3, None, "tag:c")


def test_without_rules_nobody_sees_anybody() -> None:
    assert engine([], A, B, C).peers_of(1) == []


def test_visibility_is_symmetric_and_never_of_oneself() -> None:
    found = engine([accept(s.user(7), s.tag("tag:c"))], A, B, C)
    assert (found.peers_of(1), found.peers_of(2), found.peers_of(3)) == ([3], [], [1])
    assert found.sees(1, 3)
    assert found.sees(3, 1)
    assert not found.sees(1, 1)
    assert not found.sees(1, 99)


def test_the_first_rule_that_matches_decides() -> None:
    one_way = [deny(s.user(7), s.tag("tag:c")), deny(s.tag("tag:c"), s.user(7)), accept(s.ANY, s.ANY)]
    assert not engine(one_way, A, C).sees(1, 3)
    assert engine(one_way[2:] + one_way[:2], A, C).sees(1, 3)


def test_a_port_left_open_keeps_two_nodes_visible() -> None:
    rules = [
        deny(s.user(7), s.tag("tag:c"), (PortRange(0, 21), PortRange(23, 65_535)), protocols=(6,)),
        accept(s.user(7), s.tag("tag:c"), protocols=(6,)),
    ]
    assert engine(rules, A, C).sees(1, 3)
    shut = [replace(rules[0], ports=()), rules[1]]
    assert not engine(shut, A, C).sees(1, 3)


def test_denials_of_parts_can_shut_a_whole_together() -> None:
    low = deny(s.user(7), s.tag("tag:c"), (PortRange(0, 99),), protocols=(6,))
    high = deny(s.ANY, s.tag("tag:c"), (PortRange(100, 65_535),), protocols=(6,))
    all_tcp = accept(s.ANY, s.tag("tag:c"), protocols=(6,))
    assert not engine([low, high, all_tcp], A, B, C).sees(1, 3)
    assert engine([low, high, all_tcp], A, B, C).sees(2, 3)
    assert engine([low, all_tcp, high], A, B, C).sees(1, 3)


def test_nodes_without_a_common_family_do_not_see_each_other() -> None:
    old, new = node(1, 7, addresses=(ip_address("10.1.0.1"),)), node(2, 8, addresses=(ip_address("fd00::2"),))
    assert not engine([accept(s.ANY, s.ANY)], old, new).sees(1, 2)
    assert engine([accept(s.ANY, s.ANY)], old, node(2, 8)).sees(1, 2)


class TestOwnDevices:
    rule = accept(s.MEMBER, s.SELF)

    def test_they_see_each_other_and_nobody_else(self) -> None:
        found = engine([self.rule], A, node(4, 7), B, C)
        assert (found.peers_of(1), found.peers_of(2), found.peers_of(3)) == ([4], [], [])

    def test_ownerless_nodes_are_nobodys_devices(self) -> None:
        found = engine([self.rule], node(4), node(5), A)
        assert found.peers_of(4) == []
        assert not found.sees(4, 5)

    def test_tagged_nodes_belong_to_their_tags(self) -> None:
        found = engine([self.rule], A, node(4, 7, "tag:c"))
        assert not found.sees(1, 4)

    def test_an_earlier_denial_counts_for_them(self) -> None:
        phone = node(4, 7)
        assert not engine([deny(s.user(7), s.SELF), self.rule], A, phone).sees(1, 4)
        assert engine([deny(s.user(8), s.SELF), self.rule], A, phone).sees(1, 4)
        assert engine([self.rule, deny(s.user(7), s.SELF)], A, phone).sees(1, 4)

    def test_a_denial_for_them_alone_leaves_others_alone(self) -> None:
        rules = [deny(s.ANY, s.SELF), accept(s.MEMBER, s.MEMBER)]
        found = engine(rules, A, node(4, 7), B)
        assert found.peers_of(1) == [2]
        assert found.peers_of(2) == [1, 4]

    def test_a_denial_between_keeps_its_place(self) -> None:
        found = engine([deny(s.user(7), s.user(7), SSH), accept(s.MEMBER, s.SELF, SSH, protocols=(6,))], A, node(4, 7))
        assert not found.sees(1, 4)


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


class TestTime:
    soon = AT + timedelta(hours=1)
    rule = accept(s.user(7), s.tag("tag:c"), schedule=Schedule(not_before=soon, expires_at=soon + timedelta(hours=1)))

    def test_a_rule_is_in_force_within_its_schedule_alone(self) -> None:
        found = engine([self.rule], A, C)
        assert not found.sees(1, 3)
        assert found.next_boundary == self.soon
        opened = at_instant(found, self.soon)
        assert opened.sees(1, 3)
        assert opened.next_boundary == self.soon + timedelta(hours=1)
        ended = at_instant(opened, self.soon + timedelta(hours=1))
        assert not ended.sees(1, 3)
        assert ended.next_boundary is None
        assert ended.at == self.soon + timedelta(hours=1)

    def test_the_earliest_boundary_counts(self) -> None:
        later = accept(s.user(8), s.tag("tag:c"), schedule=Schedule(expires_at=AT + timedelta(days=1)))
        assert engine([later, self.rule], A, C).next_boundary == self.soon
        assert engine([later, replace(self.rule, enabled=False)], A, C).next_boundary == AT + timedelta(days=1)

    def test_a_time_zone_that_is_lost_denies(self) -> None:
        lost = Schedule(frozenset({0}), None, None, "No/Where")
        found = engine([accept(s.user(7), s.tag("tag:c"), schedule=lost)], A, C)
        assert not found.sees(1, 3)
        assert "No/Where" in found.warnings[0]
        shut = [deny(s.user(7), s.tag("tag:c"), schedule=lost), accept(s.user(7), s.tag("tag:c"))]
        assert not engine(shut, A, C).sees(1, 3)

    @pytest.mark.parametrize("step", ["compile", "instant", "policy"])
    def test_an_instant_needs_a_time_zone(self, step: str) -> None:
        naive = datetime(2026, 3, 4)  # noqa: DTZ001
        found = engine([], A)
        with pytest.raises(ValidationError, match="time zone"):
            if step == "compile":
                compile_policy(Policy(), found.facts, naive)
            elif step == "instant":
                at_instant(found, naive)
            else:
                with_policy(found, Policy(), naive)

    def test_instants_are_told_in_utc(self) -> None:
        assert engine([self.rule], A, C).next_boundary.tzinfo is UTC


class TestRefusals:
    bad = Policy((Rule(1, 1, Action.ACCEPT, (s.SELF,), (s.ANY,), name="mine"),))

    def test_a_policy_with_a_fault_is_refused_in_its_words(self) -> None:
        with pytest.raises(ValidationError, match="only be a destination") as caught:
            compile_policy(self.bad, engine([], A).facts, AT)
        assert caught.value.errors[0].field == "rules.0.sources.0"

    def test_an_edit_with_a_fault_leaves_the_policy_as_it_is(self) -> None:
        found = engine([accept(s.user(7), s.tag("tag:c"))], A, C)
        with pytest.raises(ValidationError):
            with_policy(found, self.bad)
        assert found.sees(1, 3)

    def test_a_circle_of_groups_is_refused(self) -> None:
        circle = (Group("a", groups=frozenset({"b"})), Group("b", groups=frozenset({"a"})))
        with pytest.raises(ValidationError, match="circle"):
            engine([], A, groups=circle)


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


@thorough
@given(policies(), networks())
def test_taking_an_accept_rule_away_adds_no_pair(policy: Policy, facts: NetworkFacts) -> None:
    whole = compile_policy(policy, facts, AT)
    for rule in policy.rules:
        if rule.accepts:
            fewer = replace(policy, rules=tuple(item for item in policy.rules if item is not rule))
            less = compile_policy(fewer, facts, AT)
            for item in facts.nodes:
                assert set(less.peers_of(item.id)) <= set(whole.peers_of(item.id))


@thorough
@given(st.data(), policies(), networks())
def test_who_loses_a_tag_gains_nothing_that_it_gave(data: st.DataObject, policy: Policy, facts: NetworkFacts) -> None:
    tagged = [item for item in facts.nodes if len(item.tags) > 1]
    if not tagged:
        return
    accepts = replace(policy, rules=tuple(item for item in policy.rules if item.accepts))
    subject = data.draw(st.sampled_from(tagged))
    less = replace(subject, tags=subject.tags - {sorted(subject.tags)[0]})
    before = compile_policy(accepts, facts, AT)
    after = moved(before, FactsChange((less,)))
    assert set(after.peers_of(subject.id)) <= set(before.peers_of(subject.id))


@thorough
@given(policies(), networks())
def test_visibility_is_symmetric(policy: Policy, facts: NetworkFacts) -> None:
    compiled = compile_policy(policy, facts, AT)
    peers = {item.id: set(compiled.peers_of(item.id)) for item in facts.nodes}
    for ident, seen in peers.items():
        assert ident not in seen
        assert all(ident in peers[other] for other in seen)


def test_ids_beyond_32_bits_are_as_good_as_any() -> None:
    big = replace(node(9, 7), id=2**40)
    found = engine([accept(s.ANY, s.ANY)], A, big)
    assert found.peers_of(1) == [2**40]
    grown = moved(engine([accept(s.ANY, s.ANY)], A, C), FactsChange((big,)))
    assert grown.peers_of(1) == [3, 2**40]
