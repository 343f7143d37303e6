"""Previews against counting pair by pair."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from mesh.compile import CompiledPolicy, compile_policy, with_policy
from mesh.explain import Preview, preview
from mesh.policy import NetworkFacts, Policy, SelectorKind
from tests.mesh.policy.edits import edits
from tests.mesh.policy.oracle import Oracle, ends_of
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, networks, policies


def pairs(compiled: CompiledPolicy) -> set[tuple[int, int]]:
    return {
        (one.id, other.id) for one, other in combinations(compiled.facts.nodes, 2) if compiled.sees(one.id, other.id)
    }


def check(found: Preview, before: CompiledPolicy, after: CompiledPolicy) -> None:
    had, has = pairs(before), pairs(after)
    assert found.gained == len(has - had) == len(found.first_gained)
    assert found.lost == len(had - has) == len(found.first_lost)
    assert set(found.first_gained) == has - had
    assert set(found.first_lost) == had - has
    assert sum(group.pairs for group in found.gained_by) == found.gained
    assert sum(group.pairs for group in found.lost_by) == found.lost
    assert all(group.pairs > 0 for group in (*found.gained_by, *found.lost_by))
    for groups, real in ((found.gained_by, has - had), (found.lost_by, had - has)):
        assert all(group.first and set(group.first) <= real for group in groups)
        assert all(len(group.first) <= group.pairs for group in groups)


@thorough
@given(st.data(), policies(), networks())
def test_pairs_are_counted_exactly(data: st.DataObject, policy: Policy, facts: NetworkFacts) -> None:
    before = compile_policy(policy, facts, AT)
    changed = data.draw(edits(policy))
    after = with_policy(before, changed)
    check(preview(before, after), before, after)
    fresh = compile_policy(changed, facts, AT)
    check(preview(before, fresh), before, fresh)


@thorough
@given(st.data(), policies(), networks())
def test_each_cause_lets_its_pairs_in(data: st.DataObject, policy: Policy, facts: NetworkFacts) -> None:
    before = compile_policy(policy, facts, AT)
    changed = data.draw(edits(policy))
    after = with_policy(before, changed)
    found = preview(before, after)
    oracle = Oracle(changed, facts, AT)
    rules = {rule.position: rule for rule in oracle.rules}
    possible: Counter[tuple[int, object, object]] = Counter()
    for one, other in found.first_gained:
        nodes = oracle.nodes[one], oracle.nodes[other]
        causes = set()
        for sender, receiver in (nodes, nodes[::-1]):
            for source in ends_of(sender, destination=False):
                for destination in ends_of(receiver, destination=True):
                    for flow in oracle.flows():
                        if not oracle.decide(source, destination, *flow):
                            continue
                        for group in found.gained_by:
                            rule = rules[group.cause.position]
                            matched = (
                                oracle.is_self(source, destination)
                                if group.cause.destination.kind is SelectorKind.SELF
                                else oracle.matches(group.cause.destination, destination)
                            )
                            if matched and oracle.matches(group.cause.source, source) and oracle.speaks_of(rule, *flow):
                                causes.add(group.cause)
        assert causes
        possible.update((cause.position, cause.source, cause.destination) for cause in causes)
    for group in found.gained_by:
        assert group.pairs <= possible[group.cause.position, group.cause.source, group.cause.destination]
        assert group.cause.source in rules[group.cause.position].sources
        assert group.cause.destination in rules[group.cause.position].destinations


@thorough
@given(st.data(), policies(), networks())
def test_whoever_is_told_something_is_touched(data: st.DataObject, policy: Policy, facts: NetworkFacts) -> None:
    before = compile_policy(policy, facts, AT)
    after = with_policy(before, data.draw(edits(policy)))
    moved = {ident for pair in pairs(before) ^ pairs(after) for ident in pair}
    found = preview(before, after)
    assert len(moved) <= found.touched <= len(facts.nodes)


def test_an_equal_policy_touches_nobody() -> None:
    facts = NetworkFacts("test.ghost", None, None)
    before = compile_policy(Policy(), facts, AT)
    found = preview(before, with_policy(before, Policy()))
    assert (found.gained, found.lost, found.touched) == (0, 0, 0)
