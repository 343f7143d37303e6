"""Heat maps against counting pair by pair and port by port."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings

from mesh.compile import CompiledPolicy, compile_policy
from mesh.explain.flows import NO_FLOW
from mesh.explain.graph import Grapher
from mesh.explain.heat import Axis, HeatCell, HeatKey, HeatMap
from mesh.policy import Action, NetworkFacts, Policy, PolicyNode, PortRange, Rule
from mesh.policy import selectors as s
from tests.mesh.explain.test_graph import (
    FACTS,
    Always,
    Ever,
    Opened,
    accept,
    check_flow,
    compiled_of,
    every_flow,
    flows_between,
)
from tests.mesh.policy.oracle import Oracle, ends_of
from tests.mesh.policy.strategies import AT, GROUPS, networks, policies

some = settings(max_examples=20, deadline=None)


def keys_of(oracle: Oracle, heat: dict[int, int], axis: Axis, node: PolicyNode) -> list[HeatKey]:
    if axis is Axis.CLASS:
        return [("class", heat[node.id])] if node.id in heat else []
    if node.tags:
        return [("tag", tag) for tag in node.tags] if axis is Axis.GROUP else []
    if node.user is None:
        return []
    if axis is Axis.USER:
        return [("user", node.user)]
    return [("group", name) for name in GROUPS if oracle.in_group(node.user, name)]


@pytest.mark.parametrize("axis", list(Axis))
@some
@given(policies(), networks(max_nodes=4))
def test_cells_are_those_of_the_naive_oracle(axis: Axis, policy: Policy, facts: NetworkFacts) -> None:
    oracle, *_ = oracles = Oracle(policy, facts, AT), Always(policy, facts, AT), Ever(policy, facts, AT)
    ports = every_flow(oracles)
    grapher = Grapher(compile_policy(policy, facts, AT))
    blocks = grapher.blocks.by_node()
    heat = HeatMap(grapher, axis)
    index = {row.key: number for number, row in enumerate(heat.rows)}
    now, lasting, ever = eras = tuple(defaultdict[tuple[int, int], list[Opened]](list) for _ in oracles)
    for one in facts.nodes:
        for other in facts.nodes:
            if one is other:
                continue
            opened = [flows_between(item, one, other, ports) for item in oracles]
            for source in keys_of(oracle, blocks, axis, one):
                for target in keys_of(oracle, blocks, axis, other):
                    for era, flows in zip(eras, opened, strict=True):
                        era[index[source], index[target]].append(flows)
    cells = heat.cells(heat.rows)
    assert {cell for cell, found in ever.items() if any(found)} <= cells.keys()
    for cell, found in cells.items():
        assert found.possible == len(now[cell])
        check_flow(ports, found.flow, now[cell], lasting[cell], ever[cell])
        assert not (found.denied and found.flow.pairs)


@some
@given(policies(), networks(max_nodes=4))
def test_deciding_rules_are_those_of_the_naive_oracle(policy: Policy, facts: NetworkFacts) -> None:
    oracle = Oracle(policy, facts, AT)
    heat = HeatMap(Grapher(compile_policy(policy, facts, AT)), Axis.USER)
    for source in heat.rows:
        for target in heat.rows:
            expected: dict[int, int] = defaultdict(int)
            for one in facts.nodes:
                for other in facts.nodes:
                    if one is other or ("user", one.user) != source.key or ("user", other.user) != target.key:
                        continue
                    for position in deciding(oracle, one, other):
                        expected[position] += 1
            deciders, cell = heat.deciders(source, target)
            accepting = {item.rule.position: item.pairs for item in deciders if item.rule.accepts and not item.later}
            assert accepting == expected
            if not expected:
                assert not cell.flow.pairs
            if cell.flow.later:
                assert any(item.later and item.rule.schedule for item in deciders) or lapsing(oracle)


def lapsing(oracle: Oracle) -> bool:
    """Whether a rule that denies now has a schedule: where it ends, others open what it denied."""
    return any(rule.schedule is not None and rule.action is Action.DENY for rule in oracle.rules)


def deciding(oracle: Oracle, one: PolicyNode, other: PolicyNode) -> set[int]:
    """The accept rules that would let some flow through, whatever other accept rules let through before them."""
    found = set()
    denials = [rule for rule in oracle.rules if rule.action is Action.DENY]
    for rule in oracle.rules:
        if rule.action is Action.DENY:
            continue
        before = [item for item in denials if item.position < rule.position]
        alone = Oracle.__new__(Oracle)
        alone.policy, alone.nodes, alone.hosts, alone.groups = oracle.policy, oracle.nodes, oracle.hosts, oracle.groups
        alone.rules = [*before, rule]
        if any(
            alone.decide(source, destination, *flow)
            for source in ends_of(one, destination=False)
            for destination in ends_of(other, destination=True)
            for flow in oracle.flows()
        ):
            found.add(rule.position)
    return found


def deny(position: int, source: s.Selector, target: s.Selector, *ports: PortRange) -> Rule:
    return Rule(position, position, Action.DENY, (source,), (target,), (), ports)


def cell_of(compiled: CompiledPolicy, source: HeatKey, target: HeatKey) -> HeatCell | None:
    heat = HeatMap(Grapher(compiled), Axis.CLASS if source[0] == "class" else Axis.USER)
    heat = HeatMap(Grapher(compiled), Axis.GROUP) if "tag" in (source[0], target[0]) else heat
    index = {row.key: number for number, row in enumerate(heat.rows)}
    return heat.cells(heat.rows).get((index[source], index[target]))


DB: HeatKey = ("tag", "tag:db")


def test_a_cell_is_denied_where_a_rule_says_so_of_all_its_pairs() -> None:
    found = cell_of(compiled_of(deny(1, s.tag("tag:db"), s.ANY)), DB, DB)
    assert found == HeatCell(2, NO_FLOW, True)


@pytest.mark.parametrize(
    "rule",
    [
        deny(1, s.tag("tag:db"), s.ANY, PortRange(22, 22)),
        deny(1, s.node(3), s.ANY),
        accept(1, s.user(1), s.ANY),
    ],
    ids=["on one port", "for one of them", "by nobody"],
)
def test_a_cell_is_empty_where_no_rule_denies_all_of_it(rule: Rule) -> None:
    assert cell_of(compiled_of(rule), DB, DB) is None


def test_an_exit_node_is_denied_though_no_rule_names_the_internet() -> None:
    exits = (replace(FACTS.nodes[2], routes=(s.parse_prefix("0.0.0.0/0"),)), FACTS.nodes[3])
    facts = replace(FACTS, nodes=exits)
    compiled = compile_policy(Policy((deny(1, s.tag("tag:db"), s.ANY),)), facts, AT)
    assert cell_of(compiled, DB, DB) == HeatCell(2, NO_FLOW, True)


def test_an_example_is_a_pair_that_may_do_something() -> None:
    heat = HeatMap(Grapher(compiled_of(accept(1, s.node(2), s.node(4)))), Axis.GROUP)
    (row,) = heat.rows
    assert heat.example(row, row) == (4, 3)
    people = HeatMap(Grapher(compiled_of(accept(1, s.node(2), s.node(1)))), Axis.USER)
    assert people.example(people.rows[0], people.rows[0]) == (2, 1)


def test_a_denied_cell_that_an_earlier_rule_opens_is_open() -> None:
    compiled = compiled_of(accept(1, s.node(3), s.ANY, 22), deny(2, s.tag("tag:db"), s.ANY))
    found = cell_of(compiled, DB, DB)
    assert found is not None
    assert (found.denied, found.flow.pairs, found.possible) == (False, 1, 2)


def test_groups_stand_before_tags_and_the_larger_first() -> None:
    heat = HeatMap(Grapher(compiled_of()), Axis.CLASS)
    assert [row.nodes for row in heat.rows] == sorted((row.nodes for row in heat.rows), reverse=True)
    assert sum(row.nodes for row in heat.rows) == len(FACTS.nodes)


def test_pairs_that_see_each_other_are_counted_in_all() -> None:
    assert HeatMap(Grapher(compiled_of(accept(1, s.user(1), s.tag("tag:db")))), Axis.USER).seen() == (4, 10)
