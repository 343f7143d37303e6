"""Facts, and how they move."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, ip_address

from mesh.compile import compile_policy, moved
from mesh.policy import (
    Action,
    Condition,
    ConditionKind,
    FactsChange,
    NetworkFacts,
    Policy,
    PolicyNode,
    PolicyUser,
    Rule,
    apply_change,
    posture_of,
)
from mesh.policy import selectors as s
from tests.mesh.policy.strategies import AT

ANA, BOB, CAT = PolicyUser(1, "ana"), PolicyUser(2, "bob"), PolicyUser(3, "cat")
ONE, TWO, NINE = (PolicyNode(n, f"n{n}", 1, addresses=(ip_address(f"10.1.0.{n}"),), os="linux") for n in (1, 2, 9))
FACTS = NetworkFacts("test.ghost", IPv4Network("10.1.0.0/24"), None, (TWO, NINE), (ANA, BOB))
CHANGE = FactsChange((ONE, replace(NINE, os="ios")), frozenset({2}), (CAT, replace(ANA, name="Ana")), frozenset({2}))


def test_a_change_brings_changes_and_takes_nodes_and_users() -> None:
    after = apply_change(FACTS, CHANGE)
    assert after.nodes == (ONE, replace(NINE, os="ios"))
    assert after.users == (replace(ANA, name="Ana"), CAT)
    assert (after.domain, after.ranges) == (FACTS.domain, FACTS.ranges)
    assert apply_change(FACTS, FactsChange()) == FACTS


def test_what_is_compiled_moves_to_the_same_facts() -> None:
    assert moved(compile_policy(Policy(), FACTS, AT), CHANGE).facts == apply_change(FACTS, CHANGE)
    assert moved(compile_policy(Policy(), FACTS, AT), FactsChange()).facts == FACTS


def test_a_newcomer_with_a_lower_id_stands_in_order_among_the_devices_of_its_owner() -> None:
    linux = (Condition(ConditionKind.OS_IN, ("linux",)),)
    policy = Policy((Rule(1, 1, Action.ACCEPT, (s.ANY,), (s.SELF,), conditions=linux),))
    after = moved(compile_policy(policy, FACTS, AT), FactsChange((ONE,)))
    (name,) = after.filter_of(9)[1]
    assert after.set_of(name)["ids"] == [[1, 2], [9, 9]]


def test_a_condition_that_fails_shuts_no_rule_but_its_own() -> None:
    ios = (Condition(ConditionKind.OS_IN, ("ios",)),)
    rules = (
        Rule(1, 1, Action.ACCEPT, (s.user(1),), (s.node(9),), (6,), conditions=ios),
        Rule(2, 2, Action.ACCEPT, (s.ANY,), (s.ANY,), (17,)),
    )
    assert compile_policy(Policy(rules), FACTS, AT).sees(2, 9)
    assert not compile_policy(Policy(rules[:1]), FACTS, AT).sees(2, 9)


def test_posture_is_known_or_not() -> None:
    assert posture_of(None) is None
    assert posture_of({}) == ()
    assert posture_of({"b": 1, "a": True}) == (("a", True), ("b", 1))
