"""Exactly as many policy classes as there may be, and one more; and networks that grow past that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.compile import at_instant, compile_policy, moved, with_policy
from mesh.errors import ValidationError
from mesh.explain.lint import Finding, lint
from mesh.policy import (
    Action,
    Condition,
    ConditionKind,
    FactsChange,
    NetworkFacts,
    Policy,
    PolicyNode,
    Rule,
    apply_change,
)
from mesh.policy import selectors as s
from tests.mesh.compile.limits import limit_classes
from tests.mesh.compile.test_evolve import answers
from tests.mesh.policy.edits import changes, edits
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, networks, policies

RULES = tuple(
    Rule(
        bit,
        bit,
        Action.ACCEPT,
        (s.MEMBER,),
        (s.MEMBER,),
        conditions=(Condition(ConditionKind.ATTRIBUTE_EQUALS, (1,), f"a{bit}"),),
    )
    for bit in range(3)
)
FACTS = NetworkFacts(
    "test.ghost",
    IPv4Network("10.1.0.0/24"),
    None,
    tuple(
        PolicyNode(
            number,
            f"n{number}",
            7,
            addresses=(ip_address(f"10.1.0.{number}"),),
            posture=tuple((f"a{bit}", 1) for bit in range(3) if number >> bit & 1),
        )
        for number in range(1, 8)
    ),
)
"""Seven nodes of seven classes, none of which is that of a node of which nothing is known."""


PEOPLE = tuple(Rule(user, user, Action.ACCEPT, (s.user(user),), (s.user(user + 1),)) for user in range(1, 6))
"""Each person is told apart from all others."""


def person(user: int, number: int = 0, **more: object) -> PolicyNode:
    ident = user + number * 10
    node = PolicyNode(ident, f"n{ident}", user, addresses=(ip_address(f"10.1.0.{ident}"),))
    return replace(node, **more)  # type: ignore[arg-type]


def people(*users: int) -> NetworkFacts:
    return NetworkFacts("test.ghost", IPv4Network("10.1.0.0/24"), None, tuple(person(user) for user in users))


@pytest.mark.parametrize(("limit", "unheard"), [(8, 0), (7, 0), (6, 2), (2, 6), (1, 7)])
def test_posture_is_passed_over_only_beyond_the_limit(
    monkeypatch: pytest.MonkeyPatch, limit: int, unheard: int
) -> None:
    limit_classes(monkeypatch, limit)
    compiled = compile_policy(Policy(RULES), FACTS, AT)
    assert len(compiled.muted) == unheard
    assert len(compiled.classes.keys) <= limit
    assert bool(compiled.warnings) is bool(unheard)


def test_a_network_that_grows_past_the_limit_is_served_as_before_with_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit_classes(monkeypatch, 3)
    policy, facts = Policy(PEOPLE), people(1, 2, 3)
    compiled = compile_policy(policy, facts, AT)
    assert compiled.warnings == ()
    for node in (person(4), person(5), person(6), person(1, 1)):
        change = FactsChange((node,))
        compiled, facts = moved(compiled, change), apply_change(facts, change)
        assert answers(compiled) == answers(compile_policy(policy, facts, AT, strict=False))
    assert compiled.peers_of(5) == [4, 6]
    assert "6 kinds of nodes apart, 3 more than it should" in compiled.warnings[-1]
    remarks = [item for item in lint(compiled) if item.finding is Finding.CROWDED]
    assert [item.message for item in remarks] == list(compiled.warnings)


def test_the_warning_goes_when_the_network_shrinks(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_classes(monkeypatch, 3)
    crowded = compile_policy(Policy(PEOPLE), people(1, 2, 3, 4), AT, strict=False)
    assert crowded.warnings
    compiled = moved(crowded, FactsChange(removed=frozenset({4})))
    assert answers(compiled) == answers(compile_policy(Policy(PEOPLE), people(1, 2, 3), AT))
    assert compiled.warnings == ()


def test_it_goes_on_from_there_without_a_whole_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_classes(monkeypatch, 3)
    crowded = compile_policy(Policy(PEOPLE), people(1, 2, 3, 4), AT, strict=False)
    assert moved(crowded, FactsChange((person(5),))).lineage is crowded.lineage
    assert at_instant(crowded, AT + timedelta(days=1)).warnings == crowded.warnings


def test_posture_gives_way_before_the_limit_does(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_classes(monkeypatch, 2)
    linux = (Condition(ConditionKind.OS_IN, ("linux",)),)
    policy = Policy(tuple(replace(rule, conditions=linux) for rule in PEOPLE))
    facts = replace(people(1, 2, 3), nodes=tuple(person(user, os="linux") for user in (1, 2, 3)))
    compiled = moved(compile_policy(policy, people(1, 2), AT), FactsChange(facts.nodes))
    assert compiled.muted == {1, 2, 3}
    assert answers(compiled) == answers(compile_policy(policy, facts, AT, strict=False))
    assert len(compiled.warnings) == 2


@pytest.mark.parametrize("users", [(1, 2, 3), (1, 2, 3, 4)], ids=["at the limit", "past it"])
def test_an_edit_that_makes_more_is_refused(monkeypatch: pytest.MonkeyPatch, users: tuple[int, ...]) -> None:
    limit_classes(monkeypatch, 3)
    compiled = compile_policy(Policy(PEOPLE), people(*users), AT, strict=False)
    apart = Policy((*PEOPLE, Rule(9, 9, Action.ACCEPT, (s.node(11),), (s.user(1),))))
    compiled = moved(compiled, FactsChange((person(1, 1),)))
    with pytest.raises(
        ValidationError, match=rf"tells {len(users) + 1} kinds of nodes apart; at most 3 policy classes"
    ):
        with_policy(compiled, apart)
    with pytest.raises(ValidationError, match="at most 3 policy classes"):
        compile_policy(apart, compiled.facts, AT)
    activated = with_policy(compiled, apart, strict=False)
    assert answers(activated) == answers(compile_policy(apart, compiled.facts, AT, strict=False))


def test_facts_that_an_edit_brings_with_it_are_held_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_classes(monkeypatch, 3)
    compiled = compile_policy(Policy(PEOPLE), people(1, 2, 3), AT)
    with pytest.raises(ValidationError, match="at most 3 policy classes"):
        moved(compiled, FactsChange((person(4),)), strict=True)
    assert moved(compiled, FactsChange((person(1, 1),)), strict=True).warnings == ()


def test_past_the_limit_edits_that_make_it_no_worse_are_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_classes(monkeypatch, 3)
    compiled = compile_policy(Policy(PEOPLE), people(1, 2, 3, 4, 5, 6), AT, strict=False)
    closed = Policy((Rule(0, 0, Action.DENY, (s.user(1),), (s.user(2),)), *PEOPLE))
    assert with_policy(compiled, closed).peers_of(1) == []
    fewer = with_policy(compiled, Policy(PEOPLE[:3]))
    assert "5 kinds" in fewer.warnings[-1]
    assert with_policy(fewer, Policy(PEOPLE[:1])).warnings == ()
    with pytest.raises(ValidationError, match="6 kinds"):
        with_policy(fewer, Policy(PEOPLE))


@thorough
@given(st.data(), policies(), networks(), st.integers(1, 6))
def test_whatever_is_in_force_moves_as_a_whole_compile_past_the_limit(
    data: st.DataObject, policy: Policy, facts: NetworkFacts, limit: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        limit_classes(patch, limit)
        compiled = compile_policy(policy, facts, AT, strict=False)
        for _ in range(data.draw(st.integers(1, 4))):
            if data.draw(st.booleans()):
                change = data.draw(changes())
                compiled, facts = moved(compiled, change), apply_change(facts, change)
            else:
                policy = data.draw(edits(policy))
                compiled = with_policy(compiled, policy, strict=False)
            assert answers(compiled) == answers(compile_policy(policy, facts, AT, strict=False))
