"""Policies as JSON and back."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from acl.stored import digest_of, facts_of, pack_facts, policy_of, rule_of, same_policy, unpack_facts
from mesh.policy import Action, Assertion, Host, NodeAttribute, Policy, RouteApprover, Rule, TagOwner, Target
from mesh.policy import selectors as s
from mesh.policy.schedule import Schedule, is_open
from tests.mesh.policy.strategies import AT, PREFIXES, policies

FULL = Policy(
    rules=(Rule(7, 1, Action.ACCEPT, (s.MEMBER,), (s.SELF,), name="own"),),
    hosts=(Host("db", PREFIXES[0]),),
    tag_owners=(TagOwner("tag:web", (s.user(3), s.group("ops"))),),
    route_approvers=(RouteApprover(PREFIXES[4], (s.tag("tag:router"),)),),
    exit_approvers=(s.group("ops"),),
    node_attributes=(NodeAttribute((s.ANY,), ("funnel",)),),
    assertions=(Assertion(s.user(3), (Target(s.tag("tag:web")),), (), 6, (("disk", True),)),),
)


@settings(max_examples=60, deadline=None)
@given(policies())
def test_a_policy_comes_back_from_its_facts(policy: Policy) -> None:
    facts = unpack_facts(pack_facts(facts_of(policy)))
    read = policy_of(facts)
    assert read.ordered() == policy.ordered()
    assert set(read.groups) == set(policy.groups)
    assert read.hosts == policy.hosts


def test_every_section_comes_back() -> None:
    assert policy_of(unpack_facts(pack_facts(facts_of(FULL)))) == FULL


def test_equal_policies_have_one_digest_whatever_the_ids_of_their_rules() -> None:
    other = replace(FULL, rules=(replace(FULL.rules[0], id=8, position=4),))
    assert digest_of(facts_of(FULL)) == digest_of(facts_of(other))
    assert same_policy(facts_of(FULL), facts_of(other))


def test_a_comment_of_a_group_changes_the_digest_and_not_the_policy() -> None:
    plain, said = facts_of(FULL), facts_of(FULL, {"hosts": {"db": "the one in the cellar"}})
    assert digest_of(plain) != digest_of(said)
    assert same_policy(plain, said)


def test_the_order_of_rules_changes_the_digest() -> None:
    second = replace(FULL.rules[0], id=8, position=2, action=Action.DENY)
    one = replace(FULL, rules=(FULL.rules[0], second))
    other = replace(FULL, rules=(replace(FULL.rules[0], position=2), replace(second, position=1)))
    assert digest_of(facts_of(one)) != digest_of(facts_of(other))


def test_a_time_zone_that_is_unknown_here_is_read_all_the_same() -> None:
    rule = Rule(1, 1, Action.DENY, (s.ANY,), (s.ANY,), schedule=Schedule(frozenset({1}), 60, 120, "No/Where"))
    read = rule_of(facts_of(Policy((rule,)))["rules"][0])
    assert read == rule
    assert is_open(read.schedule, AT) is None
