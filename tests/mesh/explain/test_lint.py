"""Remarks about policies that are not errors."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given

from mesh.compile import compile_policy
from mesh.explain import Finding, lint
from mesh.policy import (
    Action,
    Condition,
    ConditionKind,
    Group,
    Host,
    NetworkFacts,
    Policy,
    PolicyNode,
    PortRange,
    Rule,
    Schedule,
)
from mesh.policy import selectors as s
from tests.mesh.policy.oracle import Oracle, ends_of
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, networks, policies

LINUX = (Condition(ConditionKind.OS_IN, ("linux",)),)
FACTS = NetworkFacts(
    "test.ghost",
    IPv4Network("10.1.0.0/24"),
    None,
    (
        PolicyNode(1, "web", None, frozenset({"tag:web"}), (ip_address("10.1.0.1"),)),
        PolicyNode(2, "ana", 7, frozenset(), (ip_address("10.1.0.2"),), os="linux"),
    ),
)
GROUPS = (Group("ops", frozenset({7})), Group("all", frozenset({8}), frozenset({"ops"})))


def rule(position: int, action: Action = Action.ACCEPT, **more: Any) -> Rule:
    members: dict[str, Any] = {"sources": (s.user(7),), "destinations": (s.tag("tag:web"),)} | more
    return Rule(position, position, action, **members)


def findings(*rules: Rule, **sections: object) -> list[tuple[Finding, int]]:
    policy = Policy(rules, **({"groups": GROUPS} | sections))  # type: ignore[arg-type]
    return [(item.finding, item.position) for item in lint(compile_policy(policy, FACTS, AT))]


def shadowed(*rules: Rule) -> list[int]:
    return [position for finding, position in findings(*rules) if finding is Finding.SHADOWED]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({}, {}),
        ({"sources": (s.ANY,)}, {}),
        ({"sources": (s.MEMBER,)}, {}),
        ({"sources": (s.group("ops"),)}, {}),
        ({"sources": (s.group("all"),)}, {"sources": (s.group("ops"),)}),
        ({"sources": (s.MEMBER, s.TAGGED)}, {"sources": (s.tag("tag:web"), s.user(7))}),
        ({"destinations": (s.TAGGED,)}, {}),
        ({"destinations": (s.ANY,)}, {"destinations": (s.prefix(ip_network("192.168.0.0/24")),)}),
        ({"sources": (s.ANY,)}, {"sources": (s.prefix(ip_network("10.1.0.0/25")),)}),
        ({"sources": (s.MEMBER,), "destinations": (s.MEMBER,)}, {"destinations": (s.SELF,)}),
        ({}, {"ports": (PortRange(22, 22),)}),
        ({}, {"protocols": (6,)}),
        ({}, {"schedule": Schedule(expires_at=AT + timedelta(days=9))}),
        ({}, {"conditions": LINUX}),
        ({"conditions": LINUX}, {"conditions": LINUX}),
    ],
)
@pytest.mark.parametrize("action", list(Action))
def test_a_rule_that_can_never_decide_is_shadowed(wide: dict[str, Any], narrow: dict[str, Any], action: Action) -> None:
    assert shadowed(rule(1, **wide), rule(2, **narrow)) == [2]
    if "conditions" not in wide and not (action is Action.DENY and "ports" in wide):
        assert shadowed(rule(1, action, **wide), rule(2, **narrow)) == [2]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({"ports": (PortRange(22, 22),)}, {}),
        ({"protocols": (6,)}, {}),
        ({"sources": (s.user(8),)}, {}),
        ({"sources": (s.group("ops"),)}, {"sources": (s.group("all"),)}),
        ({"sources": (s.ANY,)}, {"sources": (s.prefix(ip_network("192.168.0.0/24")),)}),
        ({"destinations": (s.ANY,)}, {"destinations": (s.INTERNET,)}),
        ({"destinations": (s.SELF,)}, {"destinations": (s.MEMBER,)}),
        ({"schedule": Schedule(expires_at=AT + timedelta(days=9))}, {}),
        ({"conditions": LINUX}, {}),
        ({"enabled": False}, {}),
    ],
)
def test_a_rule_that_can_decide_is_not(wide: dict[str, Any], narrow: dict[str, Any]) -> None:
    assert shadowed(rule(1, **wide), rule(2, **narrow)) == []


def test_what_is_unknown_lets_a_denial_decide_behind_an_accept() -> None:
    assert shadowed(rule(1, conditions=LINUX), rule(2, Action.DENY, conditions=LINUX)) == []
    assert shadowed(rule(1, Action.DENY, conditions=LINUX), rule(2, conditions=LINUX)) == [2]


def test_several_rules_may_shadow_one_together() -> None:
    low, high = (PortRange(0, 99),), (PortRange(100, 65_535),)
    assert shadowed(rule(1, ports=low), rule(2, ports=high), rule(3)) == [3]
    assert shadowed(rule(1, ports=low), rule(2, ports=(PortRange(101, 65_535),)), rule(3)) == []


@thorough
@given(policies(), networks(max_nodes=4))
def test_a_shadowed_rule_decides_no_flow(policy: Policy, facts: NetworkFacts) -> None:
    marked = {item.position for item in lint(compile_policy(policy, facts, AT)) if item.finding is Finding.SHADOWED}
    if not marked:
        return
    whole = Oracle(policy, facts, AT)
    without = Oracle(replace(policy, rules=tuple(r for r in policy.rules if r.position not in marked)), facts, AT)
    for sender in facts.nodes:
        for receiver in facts.nodes:
            for source in ends_of(sender, destination=False):
                for destination in ends_of(receiver, destination=True):
                    for flow in whole.flows():
                        expected = whole.decide(source, destination, *flow)
                        assert without.decide(source, destination, *flow) is expected


def test_selectors_that_match_nothing_are_named() -> None:
    assert (Finding.MATCHES_NOTHING, 1) in findings(rule(1, sources=(s.user(99),)))
    assert (Finding.MATCHES_NOTHING, 1) in findings(rule(1, destinations=(s.tag("tag:none"),)))
    assert (Finding.MATCHES_NOTHING, 1) in findings(rule(1, conditions=(Condition(ConditionKind.OS_IN, ("bsd",)),)))
    assert Finding.MATCHES_NOTHING not in {finding for finding, _ in findings(rule(1))}


def test_what_vanished_is_named() -> None:
    assert (Finding.VANISHED, 1) in findings(rule(1, sources=(s.group("gone"), s.user(7))))
    assert (Finding.VANISHED, 1) in findings(rule(1, destinations=(s.host("gone"),)))


def test_a_rule_as_wide_as_can_be_is_remarked_on() -> None:
    both: dict[str, Any] = {"sources": (s.ANY,), "destinations": (s.ANY,)}
    assert (Finding.ALL_OPEN, 1) in findings(rule(1, **both))
    assert (Finding.ALL_OPEN, 1) in findings(rule(1, protocols=(1, 6, 17, 132), **both))
    for narrower in ({"ports": (PortRange(1, 9),)}, {"protocols": (6,)}, {"conditions": LINUX}):
        assert (Finding.ALL_OPEN, 1) not in findings(rule(1, **both, **narrower))
    assert (Finding.ALL_OPEN, 1) not in findings(rule(1, Action.DENY, **both))


def test_time_is_remarked_on() -> None:
    def about(schedule: Schedule) -> set[Finding]:
        return {finding for finding, position in findings(rule(1, schedule=schedule)) if position == 1}

    assert about(Schedule(expires_at=AT)) == {Finding.EXPIRED}
    assert about(Schedule(expires_at=AT + timedelta(hours=23))) == {Finding.EXPIRES_SOON}
    assert about(Schedule(expires_at=AT + timedelta(hours=25))) == set()
    assert about(Schedule(start=60, end=120, timezone="No/Where")) == {Finding.UNKNOWN_ZONE}
    assert about(Schedule(frozenset({6}), expires_at=AT + timedelta(days=2))) == {Finding.NEVER_OPEN}


def test_groups_without_members_and_unused_names_are_named() -> None:
    hosts = (Host("db", ip_network("10.1.0.9/32")),)
    found = findings(
        rule(1, sources=(s.group("empty"),)), groups=(Group("empty"), Group("idle", frozenset({7}))), hosts=hosts
    )
    assert (Finding.EMPTY_GROUP, 0) in found
    assert found.count((Finding.UNUSED, 0)) == 2


@pytest.mark.parametrize("side", ["sources", "destinations"])
def test_a_named_host_that_matches_nothing_goes_by_its_name(side: str) -> None:
    named: dict[str, Any] = {side: (s.host("nas"),)}
    policy = Policy((rule(1, **named),), hosts=(Host("nas", ip_network("192.0.2.9/32")),))
    (remark,) = lint(compile_policy(policy, FACTS, AT))
    assert (remark.finding, remark.selector) == (Finding.MATCHES_NOTHING, s.host("nas"))
    assert "host:nas" in remark.message


def test_a_network_without_a_node_is_no_fault_of_its_rules() -> None:
    nobody, servers = replace(FACTS, nodes=()), replace(FACTS, nodes=FACTS.nodes[:1])
    first = rule(1, sources=(s.MEMBER,), destinations=(s.SELF,))
    assert lint(compile_policy(Policy((first,)), nobody, AT)) == ()
    assert Finding.MATCHES_NOTHING in {item.finding for item in lint(compile_policy(Policy((first,)), servers, AT))}
