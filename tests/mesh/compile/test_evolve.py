"""Incremental moves: every step must answer as a whole compile of the same facts does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network, ip_address

from hypothesis import given
from hypothesis import strategies as st

from mesh.compile import CompiledPolicy, at_instant, compile_policy, moved, with_policy
from mesh.policy import Action, FactsChange, NetworkFacts, Policy, PolicyNode, Rule, apply_change, parse_stored
from tests.mesh.policy.edits import changes, edits
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, networks, policies


def answers(compiled: CompiledPolicy) -> object:
    """Everything that agents are told, by node."""
    told = {}
    for node in compiled.facts.nodes:
        rules, names = compiled.filter_of(node.id)
        told[node.id] = (
            compiled.peers_of(node.id),
            rules,
            {name: compiled.set_of(name) for name in names},
            [
                (router.id, compiled.routes_between(node.id, router.id), compiled.exit_node_for(node.id, router.id))
                for router in compiled.facts.nodes
                if router.routes
            ],
        )
    return told, compiled.next_boundary, compiled.warnings


@thorough
@given(policies(), networks(), st.lists(changes(), min_size=1, max_size=3), st.booleans())
def test_moved_nodes_answer_as_a_whole_compile(
    policy: Policy, facts: NetworkFacts, steps: list[FactsChange], asked: bool
) -> None:
    compiled = compile_policy(policy, facts, AT)
    for change in steps:
        if asked:
            answers(compiled)
        compiled, facts = moved(compiled, change), apply_change(facts, change)
        assert answers(compiled) == answers(compile_policy(policy, facts, AT))


@thorough
@given(st.data(), policies(), networks())
def test_an_edited_policy_answers_as_a_whole_compile(data: st.DataObject, policy: Policy, facts: NetworkFacts) -> None:
    compiled = compile_policy(policy, facts, AT)
    for _ in range(data.draw(st.integers(1, 3))):
        if data.draw(st.booleans()):
            answers(compiled)
        if data.draw(st.booleans()):
            change = data.draw(changes())
            compiled, facts = moved(compiled, change), apply_change(facts, change)
        policy = data.draw(edits(policy))
        compiled = with_policy(compiled, policy)
        assert answers(compiled) == answers(compile_policy(policy, facts, AT))


@thorough
@given(policies(), networks(), st.integers(-3, 3))
def test_another_instant_answers_as_a_whole_compile(policy: Policy, facts: NetworkFacts, hours: int) -> None:
    at = AT + timedelta(hours=hours * 12)
    compiled = compile_policy(policy, facts, AT)
    answers(compiled)
    assert answers(at_instant(compiled, at)) == answers(compile_policy(policy, facts, at))


@thorough
@given(st.data(), policies(), networks())
def test_the_policy_that_was_left_behind_stays_as_it_was(
    data: st.DataObject, policy: Policy, facts: NetworkFacts
) -> None:
    compiled = compile_policy(policy, facts, AT)
    if data.draw(st.booleans()):
        answers(compiled)
    branches = [moved(compiled, data.draw(changes())) for _ in range(2)]
    for branch in [*branches, with_policy(compiled, data.draw(edits(policy)))]:
        answers(branch)
    assert answers(compiled) == answers(compile_policy(policy, facts, AT))
    for branch in branches:
        assert answers(branch) == answers(compile_policy(policy, branch.facts, AT))


def test_an_address_that_passes_from_one_node_to_another_is_both_of_theirs_meanwhile() -> None:
    """A rule about it then speaks of both nodes, whether the policy moved there or was compiled whole."""
    first, second = (
        PolicyNode(number, f"n{number}", 7, addresses=(ip_address(f"10.1.0.{number}"),)) for number in (1, 2)
    )
    other = PolicyNode(3, "n3", 8, addresses=(ip_address("10.1.0.3"),))
    facts = NetworkFacts("test.ghost", IPv4Network("10.1.0.0/24"), None, (first, second, other))
    policy = Policy((Rule(1, 1, Action.ACCEPT, (parse_stored("10.1.0.1/32"),), (parse_stored("node#3"),)),))
    change = FactsChange(nodes=(replace(second, addresses=first.addresses),))
    compiled = moved(compile_policy(policy, facts, AT), change)
    assert compiled.peers_of(3) == [1, 2]
    assert answers(compiled) == answers(compile_policy(policy, apply_change(facts, change), AT))
