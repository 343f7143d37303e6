"""What differs between two versions."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from acl.difference import EMPTY, change_facts, difference, summary_of
from acl.stored import facts_of
from mesh.policy import Action, Group, Host, Policy, Rule, renumber
from mesh.policy import selectors as s


def policy(*idents: int) -> Policy:
    return Policy(renumber(Rule(ident, 1, Action.ACCEPT, (s.user(ident),), (s.ANY,)) for ident in idents))


def test_equal_policies_differ_in_nothing() -> None:
    facts = facts_of(policy(1, 2))
    assert difference(facts, facts) == {}


def test_a_moved_rule_is_the_only_one_that_moved() -> None:
    found = difference(facts_of(policy(1, 2, 3, 4)), facts_of(policy(4, 1, 2, 3)))
    assert found == {"rules": {"moved": [{"id": 4, "before": 4, "after": 1}]}}


def test_a_new_rule_at_the_top_moves_no_other() -> None:
    found = difference(facts_of(policy(1, 2)), facts_of(policy(3, 1, 2)))
    assert [rule["id"] for rule in found["rules"]["added"]] == [3]
    assert "moved" not in found["rules"]


@given(st.permutations(list(range(1, 9))))
def test_rules_that_did_not_move_keep_their_order(order: list[int]) -> None:
    found = difference(facts_of(policy(*range(1, 9))), facts_of(policy(*order)))
    moved = {item["id"] for item in found.get("rules", {}).get("moved", ())}
    rest = [ident for ident in order if ident not in moved]
    assert rest == sorted(rest)


def test_the_members_of_a_changed_rule_are_named() -> None:
    before = policy(1)
    after = replace(before, rules=(replace(before.rules[0], action=Action.DENY, name="no"),))
    [changed] = difference(facts_of(before), facts_of(after))["rules"]["changed"]
    assert changed["members"] == ["name", "action"]


def test_the_change_log_gets_the_new_facts_and_the_names_of_what_is_gone() -> None:
    before = replace(policy(1, 2), hosts=(Host("db", ip_network("10.0.0.1")),), groups=(Group("ops"),))
    after = replace(policy(2), groups=(Group("ops", frozenset({5})),))
    assert change_facts(facts_of(before), facts_of(after)) == {
        "rules": [2],
        "changed": {"groups": {"ops": {"users": [5], "groups": []}}},
        "removed": {"rules": [1], "hosts": ["db"]},
    }


def test_the_change_log_names_a_list_that_became_empty() -> None:
    before = replace(policy(), exit_approvers=(s.ANY,))
    assert change_facts(facts_of(before), facts_of(policy()))["changed"] == {"exit_approvers": []}


def test_a_difference_in_a_few_words() -> None:
    before, after = facts_of(policy(1, 2, 3)), facts_of(policy(3, 2, 4))
    assert summary_of(difference(before, after)) == "1 rule added, 1 rule removed, 1 rule moved"
    assert summary_of(difference(EMPTY, before)) == "3 rules added"
