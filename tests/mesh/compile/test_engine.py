"""The compiled policy as a whole: classes, own devices, time, limits, and what must never happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.compile import at_instant, compile_policy, moved, with_policy
from mesh.errors import ValidationError
from mesh.policy import (
    Action,
    FactsChange,
    Group,
    NetworkFacts,
    Policy,
    PortRange,
    Rule,
    Schedule,
)
from mesh.policy import selectors as s
from tests.mesh.compile.engines import A, B, C, engine, node
from tests.mesh.compile.rules import SSH, accept, deny
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, networks, policies


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
