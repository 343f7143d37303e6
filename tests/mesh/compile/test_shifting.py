"""Edits of rules, one at a time, where what was worked out before could be taken for more than it says."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, ip_address

import pytest

from mesh.compile import compile_policy, with_policy
from mesh.policy import Action, Condition, ConditionKind, NetworkFacts, Policy, PolicyNode, Rule
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
