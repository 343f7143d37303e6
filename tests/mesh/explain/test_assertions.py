"""Stored tests."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import pytest

from mesh.compile import compile_policy
from mesh.explain import run_assertions
from mesh.policy import (
    Action,
    Assertion,
    Condition,
    ConditionKind,
    Group,
    Host,
    NetworkFacts,
    Policy,
    PolicyNode,
    PolicyUser,
    PortRange,
    Rule,
    Selector,
    Target,
)
from mesh.policy import selectors as s
from tests.mesh.policy.strategies import AT

NODE = PolicyNode(5, "db1", None, frozenset({"tag:db"}), (ip_address("10.1.0.5"),))
ROUTER = PolicyNode(
    6,
    "gate",
    None,
    frozenset({"tag:gate"}),
    (ip_address("10.1.0.6"),),
    (ip_network("10.9.0.0/24"), ip_network("0.0.0.0/0")),
)
FACTS = NetworkFacts("test.ghost", IPv4Network("10.1.0.0/24"), None, (NODE, ROUTER))
GROUPS = (Group("ops", frozenset({1, 2})), Group("empty"))
HOSTS = (Host("office", ip_network("10.9.0.0/24")),)


def port(number: int, last: int = 0) -> tuple[PortRange, ...]:
    return (PortRange(number, last or number),)


def accept(source: Selector, destination: Selector, ports: tuple[PortRange, ...] = (), **more: Any) -> Rule:
    return Rule(0, 0, Action.ACCEPT, (source,), (destination,), (), ports, **more)


def passes(rules: list[Rule], *assertions: Assertion) -> list[bool]:
    numbered = tuple(
        Rule(n, n, r.action, r.sources, r.destinations, r.protocols, r.ports, r.schedule, r.conditions)
        for n, r in enumerate(rules, start=1)
    )
    policy = Policy(numbered, GROUPS, HOSTS, assertions=assertions)
    return [outcome.passed for outcome in run_assertions(compile_policy(policy, FACTS, AT))]


def wants(source: Selector, destination: Selector, ports: tuple[PortRange, ...], **more: Any) -> Assertion:
    return Assertion(source, (Target(destination, ports),), (), **more)


def forbids(source: Selector, destination: Selector, ports: tuple[PortRange, ...], **more: Any) -> Assertion:
    return Assertion(source, (), (Target(destination, ports),), **more)


DB = s.tag("tag:db")
SSH_TO_DB = accept(s.user(1), DB, port(22))


def test_what_is_accepted_is_accepted_and_not_denied() -> None:
    assert passes([SSH_TO_DB], wants(s.user(1), DB, port(22)), forbids(s.user(1), DB, port(22))) == [True, False]
    assert passes([SSH_TO_DB], wants(s.user(1), DB, port(23)), forbids(s.user(1), DB, port(23))) == [False, True]


def test_users_need_no_nodes_to_be_tested() -> None:
    assert passes([accept(s.user(1), s.user(2), port(22))], wants(s.user(1), s.user(2), port(22))) == [True]


def test_every_member_of_a_group_counts() -> None:
    assert passes([SSH_TO_DB], wants(s.group("ops"), DB, port(22)), forbids(s.group("ops"), DB, port(22))) == [
        False,
        False,
    ]
    assert passes([accept(s.group("ops"), DB, port(22))], wants(s.group("ops"), DB, port(22))) == [True]


def test_every_port_of_a_range_counts() -> None:
    rules = [Rule(0, 0, Action.DENY, (s.user(1),), (DB,), (), port(25)), accept(s.user(1), DB, port(20, 30))]
    assert passes(rules, wants(s.user(1), DB, port(20, 30)), wants(s.user(1), DB, port(26, 30))) == [False, True]
    assert passes(rules, forbids(s.user(1), DB, port(24, 25)), forbids(s.user(1), DB, port(25))) == [False, True]


def test_without_a_protocol_either_of_tcp_and_udp_is_enough() -> None:
    rules = [Rule(0, 0, Action.ACCEPT, (s.user(1),), (DB,), (17,), port(53))]
    assert passes(rules, wants(s.user(1), DB, port(53)), forbids(s.user(1), DB, port(53))) == [True, False]
    assert passes(rules, wants(s.user(1), DB, port(53), protocol=6)) == [False]
    assert passes(rules, wants(s.user(1), DB, (), protocol=1), forbids(s.user(1), DB, (), protocol=1)) == [False, True]


def test_a_test_may_give_its_source_posture() -> None:
    rules = [accept(s.user(1), DB, port(22), conditions=(Condition(ConditionKind.OS_IN, ("linux",)),))]
    assert passes(rules, wants(s.user(1), DB, port(22))) == [False]
    assert passes(rules, wants(s.user(1), DB, port(22), posture=(("node:os", "linux"),))) == [True]
    disk = [accept(s.user(1), DB, port(22), conditions=(Condition(ConditionKind.ATTRIBUTE_EQUALS, (True,), "disk"),))]
    assert passes(disk, wants(s.user(1), DB, port(22), posture=(("custom:disk", True),))) == [True]


def test_own_devices_are_the_same_users_alone() -> None:
    rules = [accept(s.MEMBER, s.SELF)]
    assert passes(rules, wants(s.user(1), s.user(1), port(22)), wants(s.user(1), s.user(2), port(22))) == [True, False]
    assert passes(rules, wants(DB, DB, port(22))) == [False]


def test_nodes_addresses_and_hosts_are_what_they_are() -> None:
    here = s.prefix(ip_network("10.1.0.5/32"))
    assert passes([SSH_TO_DB], wants(s.user(1), here, port(22)), wants(s.user(1), s.node(5), port(22))) == [True, True]
    behind = s.prefix(ip_network("10.9.0.7/32"))
    rules = [accept(s.user(1), s.host("office"), port(22))]
    assert passes(rules, wants(s.user(1), behind, port(22)), wants(s.user(1), s.host("office"), port(22))) == [
        True,
        True,
    ]
    assert passes([accept(behind, DB, port(22))], wants(s.host("office"), DB, port(22))) == [False]


def test_the_internet_is_a_destination_of_its_own() -> None:
    rules = [accept(s.user(1), s.INTERNET)]
    web = s.prefix(ip_network("8.8.8.8/32"))
    assert passes(rules, wants(s.user(1), web, port(443)), wants(s.user(1), s.INTERNET, port(443))) == [True, True]
    assert passes([accept(s.user(1), s.ANY)], wants(s.user(1), web, port(443))) == [False]


@pytest.mark.parametrize("gone", [s.node(99), s.group("empty"), s.host("gone")])
def test_what_stands_for_nothing_fails_either_way(gone: Selector) -> None:
    assert passes([SSH_TO_DB], wants(gone, DB, port(22)), forbids(s.user(1), gone, port(22))) == [False, False]


def test_a_failure_names_the_rule_that_decided() -> None:
    policy = Policy((Rule(9, 1, Action.DENY, (s.ANY,), (s.ANY,), name="lockdown"),))
    compiled = compile_policy(policy, FACTS, AT)
    ((failure,),) = [item.failures for item in run_assertions(compiled, [wants(s.user(1), DB, port(22))])]
    assert (failure.position, failure.accept) == (1, True)
    assert "lockdown" in failure.detail


WEB = PolicyNode(7, "web", 1, frozenset(), (ip_address("10.1.0.7"), ip_address("fd00::7")))
CACHE = PolicyNode(8, "cache", 2, frozenset(), (ip_address("10.1.0.8"), ip_address("fd00::8")))
OLD = PolicyNode(9, "old", 2, frozenset(), (ip_address("10.1.0.9"),))
NEW = PolicyNode(10, "new", 2, frozenset(), (ip_address("fd00::a"),))
DUAL = NetworkFacts(
    "test.ghost", IPv4Network("10.1.0.0/24"), IPv6Network("fd00::/64"), (WEB, CACHE, OLD, NEW), (PolicyUser(1, "u1"),)
)


def failures(rule: Rule, assertion: Assertion) -> list[str]:
    (outcome,) = run_assertions(compile_policy(Policy((replace(rule, id=1, position=1),)), DUAL, AT), [assertion])
    return [failure.detail for failure in outcome.failures]


def test_two_nodes_with_both_families_speak_within_each() -> None:
    rule = accept(s.node(7), s.node(8), port(22))
    assert failures(rule, wants(s.node(7), s.node(8), port(22))) == []
    assert len(failures(rule, forbids(s.node(7), s.node(8), port(22)))) == 1
    assert len(failures(rule, wants(s.node(7), s.node(8), port(23)))) == 1


def test_either_family_can_break_a_test_between_two_nodes() -> None:
    rule = accept(s.node(7), s.prefix(ip_network("10.1.0.8/32")), port(22))
    assert len(failures(rule, wants(s.node(7), s.node(8), port(22)))) == 1
    assert len(failures(rule, forbids(s.node(7), s.node(8), port(22)))) == 1


def test_between_ends_without_a_common_family_nothing_is_accepted() -> None:
    rule = accept(s.ANY, s.ANY)
    (detail,) = failures(rule, wants(s.node(9), s.node(10), port(22)))
    assert detail == "node#9 and node#10 have no address family in common"
    assert failures(rule, forbids(s.node(9), s.node(10), port(22))) == []


def test_a_node_with_both_families_reaches_one_that_has_one() -> None:
    rule = accept(s.node(7), s.ANY)
    assert failures(rule, wants(s.node(7), s.node(9), port(22))) == []
    assert failures(rule, wants(s.node(7), s.node(10), port(22))) == []
