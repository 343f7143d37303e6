"""Matrices against counting pair by pair and port by port."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given

from mesh.compile import CompiledPolicy, compile_policy
from mesh.explain import GroupBy, Label, matrix
from mesh.policy import Action, NetworkFacts, Policy, PolicyNode, PortRange, Rule
from mesh.policy import selectors as s
from tests.mesh.policy.oracle import Oracle, ends_of
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, GROUPS, networks, policies


def labels(oracle: Oracle, compiled: CompiledPolicy, by: GroupBy, node: PolicyNode) -> list[Label]:
    if by is GroupBy.TAG:
        return list(node.tags)
    if by is GroupBy.CLASS:
        return [",".join(map(str, compiled.class_of(node.id)))]
    if node.tags or node.user is None:
        return []
    if by is GroupBy.USER:
        return [node.user]
    return [name for name in GROUPS if oracle.in_group(node.user, name)]


@pytest.mark.parametrize("by", list(GroupBy))
@thorough
@given(policies(), networks(max_nodes=4))
def test_cells_count_pairs_and_ports_exactly(by: GroupBy, policy: Policy, facts: NetworkFacts) -> None:
    compiled, oracle = compile_policy(policy, facts, AT), Oracle(policy, facts, AT)
    pairs: dict[tuple[Label, Label], int] = defaultdict(int)
    possible: dict[tuple[Label, Label], int] = defaultdict(int)
    open_flows: dict[tuple[Label, Label], set[tuple[int, int]]] = defaultdict(set)
    for sender in facts.nodes:
        for receiver in facts.nodes:
            if sender is receiver:
                continue
            flows = {
                flow
                for source in ends_of(sender, destination=False)
                for destination in ends_of(receiver, destination=True)
                for flow in oracle.flows()
                if oracle.decide(source, destination, *flow)
            }
            for origin in labels(oracle, compiled, by, sender):
                for target in labels(oracle, compiled, by, receiver):
                    possible[origin, target] += 1
                    pairs[origin, target] += bool(flows)
                    open_flows[origin, target] |= flows
    found = matrix(compiled, by)
    name = {row.label: row.label for row in found.rows}
    if by is GroupBy.CLASS:
        name = {row.label: ",".join(map(str, compiled.class_of(row.example))) for row in found.rows}
    assert found.left_out == 0
    assert {(name[a], name[b]) for a, b in found.cells} == {cell for cell, count in pairs.items() if count}
    for (origin, target), cell in found.cells.items():
        key = name[origin], name[target]
        assert (cell.pairs, cell.possible) == (pairs[key], possible[key])
        services = dict(cell.services)
        for protocol, port in oracle.flows():
            opened = any(item.first <= port <= item.last for item in services.get(protocol, ()))
            assert opened is ((protocol, port) in open_flows[key])


def test_more_labels_than_fit_are_counted() -> None:
    rule = Rule(1, 1, Action.ACCEPT, (s.ANY,), (s.tag("tag:a"),), (6,), (PortRange(22, 22),))
    nodes = tuple(PolicyNode(ident, f"n{ident}", ident) for ident in range(1, 8))
    compiled = compile_policy(Policy((rule,)), NetworkFacts("x.ghost", None, None, nodes), AT)
    assert matrix(compiled, GroupBy.USER).rows == ()
    facts = NetworkFacts("x.ghost", None, None)
    assert matrix(compile_policy(Policy(), facts, AT), GroupBy.CLASS).left_out == 0
