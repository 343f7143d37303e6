"""Walking a list of rules: first match wins, by atoms of protocol and port, for each class on its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mesh.compile import compile_policy
from mesh.compile.atoms import Reach
from mesh.compile.rows import Step, walk, walk_through
from mesh.policy import NetworkFacts, Policy
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, networks, policies

CLASSES = 4
Rules = list[tuple[Step, int]]

ATOMS = st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True).map(tuple)
DENIALS = ATOMS.map(lambda atoms: Step(False, Reach(atoms, False)))
ACCEPTS = st.one_of(
    ATOMS.map(lambda atoms: Step(True, Reach(atoms, False))),
    st.lists(st.integers(0, 2), max_size=2, unique=True).map(lambda atoms: Step(True, Reach(tuple(atoms), True))),
)
RULES = st.lists(st.tuples(st.one_of(DENIALS, ACCEPTS), st.integers(0, (1 << CLASSES) - 1)), max_size=6)


def first_to_accept(rules: Rules, number: int) -> int | None:
    """The first rule that accepts some flow of class ``number``, atom by atom."""
    shut: set[int] = set()
    for place, (step, matched) in enumerate(rules):
        if matched >> number & 1:
            if not step.accepts:
                shut.update(step.reach.atoms)
            elif step.reach.free or not shut.issuperset(step.reach.atoms):
                return place
    return None


@given(RULES)
def test_a_class_is_reached_where_some_flow_of_it_is_accepted(rules: Rules) -> None:
    steps, others = [step for step, _ in rules], [matched for _, matched in rules]
    expected = sum(1 << number for number in range(CLASSES) if first_to_accept(rules, number) is not None)
    assert walk(range(len(rules)), steps, others, (1 << CLASSES) - 1) == expected


@given(RULES)
def test_each_rule_is_told_with_the_classes_it_is_first_to_accept(rules: Rules) -> None:
    steps, others = [step for step, _ in rules], [matched for _, matched in rules]
    expected: dict[int, int] = {}
    for number in range(CLASSES):
        place = first_to_accept(rules, number)
        if place is not None:
            expected[place] = expected.get(place, 0) | 1 << number
    assert list(walk_through(range(len(rules)), steps, others)) == sorted(expected.items())


def test_the_lowest_class_is_denied_only_by_what_denies_it() -> None:
    deny, accept = Step(False, Reach((0,), False)), Step(True, Reach((0,), False))
    assert walk((0, 1), [deny, accept], [0b10, 0b11], 0b11) == 0b01
    assert walk((0, 1), [deny, accept], [0b01, 0b11], 0b11) == 0b10
    assert walk((0, 1), [deny, Step(True, Reach((1,), False))], [0b10, 0b11], 0b11) == 0b11
    assert walk((), [], [], 0b11) == 0
    assert list(walk_through((0, 1), [deny, accept], [0b10, 0b11])) == [(1, 0b01)]
    assert list(walk_through((0, 1), [deny, accept], [0b01, 0b11])) == [(1, 0b10)]
    other = Step(True, Reach((1,), False))
    assert list(walk_through((0, 1, 2), [deny, other, accept], [0b10, 0b01, 0b11])) == [(1, 0b01)]
    assert list(walk_through((0, 1, 2), [deny, other, other], [0b10, 0b10, 0b11])) == [(1, 0b10), (2, 0b01)]


@thorough
@given(policies(), networks())
def test_rows_say_the_same_from_both_sides(policy: Policy, facts: NetworkFacts) -> None:
    reach = compile_policy(policy, facts, AT).reach
    for one, row in enumerate(reach.out_of):
        for other, opposite in enumerate(reach.into):
            assert row >> other & 1 == opposite >> one & 1
            assert reach.sees[one] >> other & 1 == (row | reach.into[one]) >> other & 1
            assert reach.same[one] >> other & 1 == reach.same[other] >> one & 1
