"""What is asked of a compiled policy beside maps: single nodes, strangers, warnings; and classes that nobody needs."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest

from mesh.compile import CompiledPolicy, compile_policy
from mesh.compile.expand import expanded_filter
from mesh.compile.terms import SourceTerm
from mesh.policy import (
    Action,
    Condition,
    ConditionKind,
    NetworkFacts,
    Policy,
    PolicyNode,
    PolicyUser,
    Rule,
    Schedule,
)
from mesh.policy import selectors as s
from tests.mesh.policy.strategies import AT

LINUX = Condition(ConditionKind.OS_IN, ("linux",))
ANA = PolicyNode(1, "ana", 7, addresses=(ip_address("10.1.0.1"), ip_address("fd00::1")), os="linux")
ANA_2 = PolicyNode(2, "ana-2", 7, addresses=(ip_address("10.1.0.2"), ip_address("fd00::2")), os="windows")
ROUTER = PolicyNode(
    3,
    "router",
    8,
    addresses=(ip_address("10.1.0.3"), ip_address("fd00::3")),
    routes=(ip_network("10.9.0.0/24"), ip_network("0.0.0.0/0")),
)
BARE = PolicyNode(4, "bare", 8)


def accept(source: s.Selector, destination: s.Selector, **more: object) -> Rule:
    return Rule(1, 1, Action.ACCEPT, (source,), (destination,), **more)  # type: ignore[arg-type]


def engine(*rules: Rule) -> CompiledPolicy:
    facts = NetworkFacts(
        "test.ghost",
        IPv4Network("10.1.0.0/24"),
        IPv6Network("fd00::/64"),
        (ANA, ANA_2, ROUTER, BARE),
        (PolicyUser(7, "ana"), PolicyUser(8, "ben")),
    )
    return compile_policy(Policy(rules), facts, AT)


def test_nobody_sees_oneself_or_uses_oneself_as_a_router() -> None:
    compiled = engine(accept(s.ANY, s.ANY), Rule(2, 2, Action.ACCEPT, (s.ANY,), (s.INTERNET,)))
    assert compiled.sees(ROUTER.id, ROUTER.id) is False
    assert compiled.routes_between(ROUTER.id, ROUTER.id) == ()
    assert compiled.exit_node_for(ROUTER.id, ROUTER.id) is False
    assert compiled.routes_between(ANA.id, ROUTER.id) == (ip_network("10.9.0.0/24"),)
    assert compiled.exit_node_for(ANA.id, ROUTER.id) is True


def test_an_unknown_node_is_told_nothing() -> None:
    assert expanded_filter(engine(accept(s.ANY, s.ANY)), 99) == []


def test_own_devices_see_each_other_in_whichever_family_a_rule_is_about() -> None:
    compiled = engine(
        accept(s.ANY, s.SELF), Rule(2, 2, Action.ACCEPT, (s.prefix(ip_network("10.1.0.0/24")),), (s.TAGGED,))
    )
    assert compiled.sees(ANA.id, ANA_2.id) is True
    assert compiled.sees(ANA.id, ROUTER.id) is False


def test_own_devices_of_one_user_do_not_see_each_other_by_rules_about_others() -> None:
    compiled = engine(
        Rule(1, 1, Action.ACCEPT, (s.user(8),), (s.SELF,)), Rule(2, 2, Action.ACCEPT, (s.user(7),), (s.TAGGED,))
    )
    assert compiled.sees(ANA.id, ANA_2.id) is False


def test_a_node_without_addresses_makes_no_class() -> None:
    compiled = engine(accept(s.ANY, s.ANY))
    assert all(key.families for key in compiled.classes.keys)
    assert compiled.peers_of(BARE.id) == []


@pytest.mark.parametrize(
    ("denies", "node", "known", "expected"),
    [
        (False, ANA, True, True),
        (False, ANA_2, True, False),
        (False, ANA, False, False),
        (True, ANA, True, True),
        (True, ANA_2, True, False),
        (True, ANA_2, False, True),
    ],
)
def test_unknown_posture_fails_what_accepts_and_meets_what_denies(
    denies: bool, node: PolicyNode, known: bool, expected: bool
) -> None:
    term = SourceTerm(s.MEMBER, (LINUX,), denies)
    assert engine(accept(s.ANY, s.ANY)).classifier.meets(term, node, known=known) is expected


def test_a_stranger_is_matched_by_addresses_and_by_everything_only_behind_a_router() -> None:
    compiled = engine(accept(s.ANY, s.prefix(ip_network("192.0.2.0/24"))))
    classifier = compiled.classifier
    inside, outside = ip_address("192.0.2.7"), ip_address("198.51.100.7")
    assert classifier.anything
    assert classifier.stranger_terms(outside, routed=False) == 0
    assert classifier.stranger_terms(outside, routed=True) == classifier.anything
    named = classifier.stranger_terms(inside, routed=False)
    assert named
    assert not named & classifier.anything
    assert classifier.stranger_terms(inside, routed=True) == named | classifier.anything


def test_warnings_tell_what_became_of_a_rule_whose_zone_is_unknown() -> None:
    unknown, known = (Schedule(frozenset(), 60, 120, zone) for zone in ("No/Where", "Europe/Berlin"))
    compiled = engine(
        Rule(1, 1, Action.ACCEPT, (s.ANY,), (s.TAGGED,), schedule=unknown, name="by day"),
        Rule(2, 2, Action.DENY, (s.ANY,), (s.TAGGED,), schedule=unknown, name="by night"),
        Rule(3, 3, Action.ACCEPT, (s.ANY,), (s.TAGGED,), schedule=known, name="well known"),
        Rule(4, 4, Action.ACCEPT, (s.tag("tag:x"),), (s.TAGGED,), name="always"),
    )
    first, second = compiled.warnings
    assert "by day" in first
    assert first.endswith("the rule is not in force")
    assert "by night" in second
    assert second.endswith("the rule is in force all the time")


def test_warnings_name_what_does_not_exist_any_more() -> None:
    (warning,) = engine(accept(s.group("gone"), s.ANY)).warnings
    assert warning.endswith("group:gone does not exist (any more) and matches nothing")
