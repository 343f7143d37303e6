"""Edits of rules, one at a time, where what was worked out before could be taken for more than it says."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, ip_address, ip_network

import pytest

from mesh.compile import compile_policy, with_policy
from mesh.policy import Action, Condition, ConditionKind, Group, NetworkFacts, Policy, PolicyNode, Rule
from mesh.policy import selectors as s
from tests.mesh.policy.strategies import AT

LINUX = (Condition(ConditionKind.OS_IN, ("linux",)),)
FACTS = NetworkFacts(
    "test.ghost",
    IPv4Network("10.1.0.0/24"),
    None,
    tuple(
        PolicyNode(ident, f"n{ident}", user, addresses=(ip_address(f"10.1.0.{ident}"),))
        for ident, user in ((1, 7), (2, 7), (3, 8))
    ),
)
ALL = Rule(1, 1, Action.ACCEPT, (s.ANY,), (s.ANY,))
OWN = Rule(2, 2, Action.ACCEPT, (s.ANY,), (s.SELF,), conditions=LINUX)


@pytest.mark.parametrize("own", [OWN, replace(OWN, sources=(s.user(99),), conditions=()), replace(OWN, conditions=())])
def test_the_first_rule_about_own_devices_hides_nobody_who_was_seen(own: Rule) -> None:
    before = compile_policy(Policy((ALL,)), FACTS, AT)
    after = with_policy(before, Policy((ALL, own)))
    assert [after.peers_of(ident) for ident in (1, 2, 3)] == [[2, 3], [1, 3], [1, 2]]


def test_the_last_rule_about_own_devices_may_go_and_come_back() -> None:
    before = compile_policy(Policy((ALL, OWN)), FACTS, AT)
    between = with_policy(before, Policy((replace(ALL, sources=(s.user(8),)),)))
    assert not between.sees(1, 2)
    after = with_policy(between, Policy((ALL, OWN)))
    assert after.sees(1, 2)


PHONES = NetworkFacts(
    "test.ghost",
    IPv4Network("10.1.0.0/24"),
    None,
    tuple(
        PolicyNode(ident, f"n{ident}", user, addresses=(ip_address(f"10.1.0.{ident}"),), os=os)
        for ident, user, os in (
            (1, 7, "linux"),
            (2, 7, "ios"),
            (3, 7, ""),
            (4, 8, "linux"),
            (5, 8, "ios"),
            (6, None, ""),
        )
    ),
)
MINE = replace(OWN, id=1, sources=(s.MEMBER,), conditions=())
LINUX_ONLY = replace(OWN, id=2)
ANAS = replace(OWN, id=3, sources=(s.user(7),), conditions=())
NOT_LINUX = replace(OWN, id=4, action=Action.DENY)
NOT_ANAS = replace(ANAS, id=5, action=Action.DENY)
MEMBERS = Rule(6, 0, Action.ACCEPT, (s.MEMBER,), (s.MEMBER,), conditions=LINUX)
TO_BOB = Rule(7, 0, Action.ACCEPT, (s.user(8),), (s.user(8),))
NODE = Rule(8, 0, Action.ACCEPT, (s.node(3),), (s.node(2),))
STEPS = (
    (),
    (MINE,),
    (LINUX_ONLY,),
    (NOT_LINUX, MINE),
    (MINE, NOT_LINUX),
    (NOT_ANAS, LINUX_ONLY, MINE),
    (ANAS, TO_BOB),
    (MEMBERS, NOT_ANAS, MINE),
    (NOT_LINUX, MEMBERS, TO_BOB),
    (MEMBERS,),
    (NODE, NOT_LINUX, ANAS),
    (TO_BOB, NODE, LINUX_ONLY),
)


def numbered(rules: tuple[Rule, ...]) -> Policy:
    return Policy(tuple(replace(rule, position=place) for place, rule in enumerate(rules, start=1)))


@pytest.mark.parametrize("start", range(len(STEPS)))
def test_from_each_policy_to_each_other_own_devices_are_seen_as_after_a_whole_compile(start: int) -> None:
    before = compile_policy(numbered(STEPS[start]), PHONES, AT)
    for rules in STEPS:
        edited, whole = with_policy(before, numbered(rules)), compile_policy(numbered(rules), PHONES, AT)
        for one in PHONES.nodes:
            assert edited.peers_of(one.id) == whole.peers_of(one.id)
        back = with_policy(edited, numbered(STEPS[start]))
        assert [back.peers_of(one.id) for one in PHONES.nodes] == [before.peers_of(one.id) for one in PHONES.nodes]


@pytest.mark.parametrize(
    "selector",
    [
        s.user(7),
        s.group("ops"),
        s.group("outer"),
        s.tag("tag:x"),
        s.node(1),
        s.prefix(ip_network("10.1.0.1/32")),
        s.ANY,
    ],
)
@pytest.mark.parametrize("conditions", [(), LINUX])
def test_the_first_rule_to_name_something_finds_its_nodes(
    selector: s.Selector, conditions: tuple[Condition, ...]
) -> None:
    owner = {"user": None, "tags": frozenset({"tag:x"})} if selector == s.tag("tag:x") else {"user": 7}
    one = PolicyNode(1, "n1", addresses=(ip_address("10.1.0.1"),), os="linux", **owner)
    other = PolicyNode(2, "n2", 8, addresses=(ip_address("10.1.0.2"),))
    facts = replace(FACTS, nodes=(one, other))
    groups = (Group("ops", frozenset({7})), Group("outer", groups=frozenset({"ops"})))
    rule = Rule(1, 1, Action.ACCEPT, (selector,), (s.user(8),), conditions=conditions)
    before = compile_policy(Policy((), groups), facts, AT)
    assert not before.sees(1, 2)
    assert with_policy(before, Policy((rule,), groups)).sees(1, 2)
