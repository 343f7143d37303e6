"""Rules, groups and whole policies: what may stand in them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from mesh.errors import ValidationError
from mesh.policy import (
    Action,
    Condition,
    ConditionKind,
    Group,
    Host,
    Policy,
    PolicyNode,
    PortRange,
    RouteApprover,
    Rule,
    check_policy,
    check_rule,
    denials_naming,
    flatten_groups,
    renumber,
    selectors_of,
    validate_policy,
    validate_rule,
)
from mesh.policy import selectors as s
from mesh.policy.approval import approval_of
from mesh.policy.groups import find_cycle, groups_by_user
from mesh.policy.rules import same_rule

RULE = Rule(1, 1, Action.ACCEPT, (s.ANY,), (s.tag("tag:db"),))


def fields(rule: Rule) -> list[str]:
    return [error.field for error in check_rule(rule)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"sources": ()}, ["sources"]),
        ({"destinations": ()}, ["destinations"]),
        ({"sources": (s.ANY, s.SELF)}, ["sources.1"]),
        ({"sources": (s.INTERNET,)}, ["sources.0"]),
        ({"destinations": (s.SELF,), "sources": (s.user(1), s.tag("tag:a"))}, ["sources.1"]),
        ({"destinations": (s.SELF,), "sources": (s.TAGGED, s.host("h"))}, ["sources.0", "sources.1"]),
        ({"destinations": (s.SELF,), "sources": (s.prefix(ip_network("10.0.0.0/8")),)}, ["sources.0"]),
        ({"destinations": (s.SELF, s.INTERNET), "sources": (s.ANY, s.MEMBER, s.group("g"), s.node(3))}, []),
        ({"protocols": (1,), "ports": (PortRange(1, 2),)}, ["ports"]),
        ({"protocols": (1, 6), "ports": (PortRange(1, 2),)}, []),
        ({"protocols": (0,)}, ["protocols"]),
        ({"protocols": (256,)}, ["protocols"]),
        ({"ports": (PortRange(5, 4),)}, ["ports"]),
        ({"ports": (PortRange(0, 65_536),)}, ["ports"]),
        ({"ports": tuple(PortRange(n, n) for n in range(0, 514, 2))}, ["ports"]),
        ({"sources": (s.ANY,) * 1_001}, ["sources"]),
        ({"destinations": (s.ANY,) * 1_001}, ["destinations"]),
        ({"conditions": (Condition(ConditionKind.OS_IN, ("linux",)),) * 65}, ["conditions"]),
        ({"name": "x" * 101}, ["name"]),
        ({"comment": "x" * 1_025}, ["comment"]),
    ],
)
def test_each_fault_of_a_rule_is_named(changed: dict[str, object], expected: list[str]) -> None:
    assert fields(replace(RULE, **changed)) == expected  # type: ignore[arg-type]


def test_a_rule_with_a_fault_is_refused_in_its_own_words() -> None:
    assert validate_rule(RULE) is RULE
    with pytest.raises(ValidationError, match="“mine”"):
        validate_rule(replace(RULE, name="mine", sources=()))


def test_the_position_alone_does_not_make_another_rule() -> None:
    assert same_rule(RULE, replace(RULE, position=9, id=3))
    for changed in ({"enabled": False}, {"action": Action.DENY}, {"ports": (PortRange(1, 1),)}, {"comment": "x"}):
        assert not same_rule(RULE, replace(RULE, **changed))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy((RULE, replace(RULE, id=2))), ["rules.1.position"]),
        (Policy((replace(RULE, sources=()),)), ["rules.0.sources"]),
        (Policy(groups=(Group("a"), Group("a"))), ["groups"]),
        (Policy(hosts=(Host("a", ip_network("10.0.0.1")), Host("a", ip_network("10.0.0.2")))), ["hosts"]),
        (Policy(groups=(Group("a", groups=frozenset({"b"})), Group("b", groups=frozenset({"a"})))), ["groups"]),
        (Policy(tuple(replace(RULE, position=n) for n in range(10_001))), ["rules"]),
    ],
)
def test_each_fault_of_a_policy_is_named(policy: Policy, expected: list[str]) -> None:
    assert [error.field for error in check_policy(policy)] == expected
    with pytest.raises(ValidationError):
        validate_policy(policy)


def test_a_rule_that_was_checked_is_not_checked_again_but_a_changed_one_is() -> None:
    known = Policy((RULE,))
    assert check_policy(Policy((RULE, replace(RULE, id=2, position=2))), known=known) == ()
    changed = Policy((replace(RULE, sources=()),))
    assert [error.field for error in check_policy(changed, known=known)] == ["rules.0.sources"]


def test_groups_are_flattened_with_their_groups() -> None:
    groups = {
        "a": Group("a", frozenset({1}), frozenset({"b", "gone"})),
        "b": Group("b", frozenset({2}), frozenset({"c"})),
        "c": Group("c", frozenset({3})),
    }
    flat = flatten_groups(groups)
    assert flat == {"a": frozenset({1, 2, 3}), "b": frozenset({2, 3}), "c": frozenset({3})}
    assert groups_by_user(flat) == {1: ("a",), 2: ("a", "b"), 3: ("a", "b", "c")}


def test_a_circle_of_groups_is_refused_with_its_names() -> None:
    groups = {
        name: Group(name, groups=frozenset({nested}))
        for name, nested in (("a", "b"), ("b", "c"), ("c", "b"), ("d", "a"))
    }
    assert find_cycle(groups) == ("b", "c", "b")
    with pytest.raises(ValidationError, match="b → c → b"):
        flatten_groups(groups)
    assert find_cycle({"a": Group("a", groups=frozenset({"a"}))}) == ("a", "a")


def test_a_diamond_of_groups_is_no_circle() -> None:
    groups = {
        "top": Group("top", groups=frozenset({"left", "right"})),
        "left": Group("left", groups=frozenset({"end"})),
        "right": Group("right", groups=frozenset({"end"})),
        "end": Group("end", frozenset({1})),
    }
    assert find_cycle(groups) == ()
    assert flatten_groups(groups)["top"] == frozenset({1})


def test_a_long_chain_of_groups_needs_no_recursion() -> None:
    chain = {str(n): Group(str(n), frozenset({n}), frozenset({str(n + 1)})) for n in range(5_000)}
    assert len(flatten_groups(chain)["0"]) == 5_000


def test_rules_are_numbered_in_their_order() -> None:
    rules = renumber([replace(RULE, position=9), replace(RULE, position=4)])
    assert [rule.position for rule in rules] == [1, 2]


def test_selectors_lead_to_the_rules_that_name_them() -> None:
    other = replace(RULE, id=2, position=0, sources=(s.user(1),))
    found = selectors_of(Policy((RULE, other)))
    assert [rule.position for rule in found[s.tag("tag:db")]] == [0, 1]
    assert [rule.position for rule in found[s.user(1)]] == [0]


def test_what_an_enabled_denial_names_is_found_through_groups() -> None:
    deny = replace(RULE, action=Action.DENY, sources=(s.group("outer"),))
    groups = (
        Group("outer", groups=frozenset({"inner"})),
        Group("inner", frozenset({7})),
        Group("other", frozenset({8})),
    )
    policy = Policy((deny,), groups)
    for selector in (s.user(7), s.group("inner"), s.group("outer"), s.tag("tag:db")):
        assert denials_naming(policy, selector) == (deny,)
    for selector in (s.user(8), s.group("other"), s.ANY):
        assert denials_naming(policy, selector) == ()
    assert denials_naming(replace(policy, rules=(replace(deny, enabled=False),)), s.user(7)) == ()
    assert denials_naming(replace(policy, rules=(replace(deny, action=Action.ACCEPT),)), s.user(7)) == ()


class TestApproval:
    policy = Policy(
        groups=(Group("ops", frozenset({7})),),
        route_approvers=(
            RouteApprover(ip_network("10.0.0.0/8"), (s.tag("tag:router"), s.group("ops"))),
            RouteApprover(ip_network("0.0.0.0/0"), (s.tag("tag:any"),)),
        ),
        exit_approvers=(s.user(8), s.tag("tag:exit")),
    )

    def approved(self, route: str, *tags: str, user: int | None = None) -> bool:
        node = PolicyNode(1, "n", user, frozenset(tags), (ip_address("10.1.0.1"),))
        return approval_of(self.policy).approves(node, ip_network(route))

    def test_a_route_inside_the_prefix_of_an_approver_is_approved(self) -> None:
        assert self.approved("10.33.0.0/16", "tag:router")
        assert self.approved("10.0.0.0/8", user=7)
        assert not self.approved("10.0.0.0/7", "tag:router")
        assert not self.approved("11.0.0.0/16", "tag:router")
        assert not self.approved("fd00::/64", "tag:router")
        assert not self.approved("10.33.0.0/16", "tag:other")
        assert not self.approved("10.33.0.0/16", user=9)

    def test_a_tagged_node_is_not_its_users_any_more(self) -> None:
        assert not self.approved("10.33.0.0/16", "tag:other", user=7)

    def test_default_routes_are_for_exit_approvers_alone(self) -> None:
        assert self.approved("0.0.0.0/0", "tag:exit")
        assert self.approved("::/0", user=8)
        assert not self.approved("0.0.0.0/0", "tag:any")
        assert self.approved("192.168.0.0/24", "tag:any")
        assert not self.approved("192.168.0.0/24", "tag:exit")

    def test_nobody_is_no_member_of_anything(self) -> None:
        assert not self.approved("10.33.0.0/16")
        assert approval_of(self.policy).names(s.MEMBER, PolicyNode(1, "n", None))
        assert not approval_of(self.policy).names(s.TAGGED, PolicyNode(1, "n", None))
        assert approval_of(self.policy).names(s.node(1), PolicyNode(1, "n", None))
        assert approval_of(self.policy).names(s.ANY, PolicyNode(1, "n", None, frozenset({"tag:a"})))
