"""Graphs against counting pair by pair and port by port, and against what agents are told."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import permutations

import pytest
from hypothesis import given, settings

from mesh.compile import CompiledPolicy, compile_policy
from mesh.explain.flows import Flow, common_services
from mesh.explain.graph import REST, TAGGED, Graph, GraphBy, Grapher
from mesh.explain.openings import Services
from mesh.explain.times import at_all_times
from mesh.policy import Action, NetworkFacts, Policy, PolicyNode, PortRange, Rule, Schedule
from mesh.policy import selectors as s
from tests.mesh.policy.oracle import Oracle, ends_of
from tests.mesh.policy.strategies import AT, networks, policies

some = settings(max_examples=25, deadline=None)
few = settings(max_examples=15, deadline=None)


class Always(Oracle):
    """The same naive decision with what holds at every instant alone."""

    @staticmethod
    def _open(rule: Rule, at: object) -> bool:
        return rule.schedule is None or rule.action is Action.DENY


Flows = dict[tuple[int, int], frozenset[tuple[int, int]]]


def flows_between(
    oracle: Oracle, sender: PolicyNode, receiver: PolicyNode, flows: list[tuple[int, int]] | None = None
) -> frozenset[tuple[int, int]]:
    return frozenset(
        flow
        for source in ends_of(sender, destination=False)
        for destination in ends_of(receiver, destination=True)
        for flow in (oracle.flows() if flows is None else flows)
        if oracle.decide(source, destination, *flow)
    )


def opened(oracle: Oracle, services: Services) -> set[tuple[int, int]]:
    ranges = dict(services)
    return {
        (protocol, port)
        for protocol, port in oracle.flows()
        if any(item.first <= port <= item.last for item in ranges.get(protocol, ()))
    }


def check_flow(
    oracle: Oracle, flow: Flow, now: list[frozenset[tuple[int, int]]], lasting: list[frozenset[tuple[int, int]]]
) -> None:
    lasting = [found for mine, found in zip(now, lasting, strict=True) if mine]
    now = [found for found in now if found]
    common = frozenset.intersection(*now) if now else frozenset()
    always = frozenset.intersection(*lasting) if now else frozenset()
    assert flow.pairs == len(now)
    assert opened(oracle, flow.services) == common
    assert flow.wider == sum(found != common for found in now)
    assert flow.at_times is not (common <= always)
    assert flow.passing == sum(not found for found in lasting)


@some
@given(policies(), networks(max_nodes=4))
def test_edges_are_the_pairs_of_the_naive_oracle(policy: Policy, facts: NetworkFacts) -> None:
    oracle, always = Oracle(policy, facts, AT), Always(policy, facts, AT)
    pairs = list(permutations(facts.nodes, 2))
    now = {(one.id, other.id): flows_between(oracle, one, other) for one, other in pairs}
    # The ports at which anything changes are those of the rules that count at this instant.
    lasting = {(one.id, other.id): flows_between(always, one, other, oracle.flows()) for one, other in pairs}
    grapher = Grapher(compile_policy(policy, facts, AT))
    for by in GraphBy:
        check_graph(oracle, grapher.graph(by), now, lasting)


def check_graph(oracle: Oracle, graph: Graph, flows: Flows, always: Flows) -> None:
    group = {ident: index for index, item in enumerate(graph.groups) for ident in item.ids}
    assert group.keys() == oracle.nodes.keys()
    seen: dict[tuple[int, int], list[bool]] = defaultdict(list)
    now: dict[tuple[int, int], list[frozenset[tuple[int, int]]]] = defaultdict(list)
    lasting: dict[tuple[int, int], list[frozenset[tuple[int, int]]]] = defaultdict(list)
    for one, other in flows:
        if one < other and (flows[one, other] or flows[other, one]):
            low, high = sorted((group[one], group[other]))
            seen[low, high].append(bool(always[one, other] or always[other, one]))
        now[group[one], group[other]].append(flows[one, other])
        lasting[group[one], group[other]].append(always[one, other])
    assert {(edge.one, edge.other): edge.pairs for edge in graph.edges} == {
        cell: len(found) for cell, found in seen.items()
    }
    assert graph.pairs == sum(map(len, seen.values()))
    for edge, (there, back) in zip(graph.edges, graph.flows(graph.edges), strict=True):
        assert (edge.there, edge.back) == (there.pairs, back.pairs)
        assert edge.passing == seen[edge.one, edge.other].count(False)
        check_flow(oracle, there, now[edge.one, edge.other], lasting[edge.one, edge.other])
        if edge.one != edge.other:
            check_flow(oracle, back, now[edge.other, edge.one], lasting[edge.other, edge.one])
        else:
            assert back == Flow()


@few
@given(policies(), networks(max_nodes=4))
def test_reach_of_a_node_is_that_of_the_naive_oracle(policy: Policy, facts: NetworkFacts) -> None:
    oracle, always = Oracle(policy, facts, AT), Always(policy, facts, AT)
    compiled = compile_policy(policy, facts, AT)
    grapher = Grapher(compiled)
    for node in facts.nodes:
        found: dict[int, tuple[Services, Services]] = {}
        for bundle in grapher.reach(node.id):
            for ident in bundle.ids:
                assert ident not in found
                found[ident] = bundle.out.now, bundle.back.now
                other = oracle.nodes[ident]
                assert bool(bundle.out.lasting) is always.reaches(node, other)
                assert bool(bundle.back.lasting) is always.reaches(other, node)
        assert sorted(found) == compiled.peers_of(node.id)
        for ident, (out, back) in found.items():
            assert (grapher.access(node.id, ident).now, grapher.access(ident, node.id).now) == (out, back)
            assert opened(oracle, out) == flows_between(oracle, node, oracle.nodes[ident])
            assert opened(oracle, back) == flows_between(oracle, oracle.nodes[ident], node)


@some
@given(policies(), networks())
def test_edges_hold_as_many_pairs_as_agents_have_peers(policy: Policy, facts: NetworkFacts) -> None:
    compiled = compile_policy(policy, facts, AT)
    peers = sum(len(compiled.peers_of(node.id)) for node in facts.nodes)
    assert [2 * Grapher(compiled).graph(by).pairs for by in GraphBy] == [peers] * 3


@pytest.mark.parametrize("by", list(GraphBy))
@some
@given(policies(), networks())
def test_groups_that_are_put_together_lose_no_pair(by: GraphBy, policy: Policy, facts: NetworkFacts) -> None:
    grapher = Grapher(compile_policy(policy, facts, AT))
    whole, small = grapher.graph(by), grapher.graph(by, limit=1)
    assert small.pairs == whole.pairs
    assert sum(len(group.ids) for group in small.groups) == len(facts.nodes)
    if len(whole.groups) > 2:
        assert [group.key for group in small.groups] == [whole.groups[0].key, REST]
        assert small.folded == len(whole.groups) - 1


def policy_of(*rules: Rule) -> Policy:
    return Policy(tuple(rules))


def accept(position: int, source: s.Selector, target: s.Selector, port: int = 0, **more: object) -> Rule:
    ports = (PortRange(port, port),) if port else ()
    return Rule(position, position, Action.ACCEPT, (source,), (target,), (6,), ports, **more)  # type: ignore[arg-type]


NODES = (
    PolicyNode(1, "ana-laptop", 1, addresses=(s.parse_prefix("10.1.0.1/32").network_address,)),
    PolicyNode(2, "ana-phone", 1, addresses=(s.parse_prefix("10.1.0.2/32").network_address,)),
    PolicyNode(3, "db-1", None, frozenset({"tag:db"}), (s.parse_prefix("10.1.0.3/32").network_address,)),
    PolicyNode(4, "db-2", None, frozenset({"tag:db"}), (s.parse_prefix("10.1.0.4/32").network_address,)),
    PolicyNode(5, "orphan", None, addresses=(s.parse_prefix("10.1.0.5/32").network_address,)),
)
FACTS = NetworkFacts("x.ghost", None, None, NODES)
OFFICE = Schedule(frozenset({2}), 11 * 60, 13 * 60, "UTC")


def compiled_of(*rules: Rule) -> CompiledPolicy:
    return compile_policy(policy_of(*rules), FACTS, AT)


def only_flow(graph: Graph) -> Flow:
    """The one way in which the one edge leads."""
    ((there, back),) = graph.flows(graph.edges)
    (flow,) = [flow for flow in (there, back) if flow.pairs]
    return flow


def test_what_every_pair_may_do_is_told_apart_from_what_some_may() -> None:
    graph = Grapher(
        compiled_of(accept(1, s.node(1), s.tag("tag:db")), accept(2, s.user(1), s.tag("tag:db"), 5432))
    ).graph(GraphBy.TAG)
    flow = only_flow(graph)
    assert flow.pairs == 4
    assert (flow.services, flow.wider, flow.at_times) == (((6, (PortRange(5432, 5432),)),), 2, False)


def test_what_a_schedule_opens_is_marked() -> None:
    graph = Grapher(compiled_of(accept(1, s.user(1), s.tag("tag:db"), 5432, schedule=OFFICE))).graph(GraphBy.TAG)
    (edge,), flow = graph.edges, only_flow(graph)
    assert (edge.pairs, edge.passing, flow.passing, flow.at_times) == (4, 4, 4, True)


def test_people_and_machines_stand_in_groups_of_their_own() -> None:
    grapher = Grapher(compiled_of())
    keys = {by: Counter(group.key for group in grapher.graph(by).groups) for by in GraphBy}
    assert keys[GraphBy.TAG] == Counter([1, frozenset({"tag:db"}), None])
    assert keys[GraphBy.USER] == Counter([1, TAGGED, None])
    assert sum(len(group.ids) for group in grapher.graph(GraphBy.CLASS).groups) == 5


def test_a_policy_without_schedules_holds_at_all_times_as_it_is() -> None:
    compiled = compiled_of(accept(1, s.user(1), s.tag("tag:db")))
    assert at_all_times(compiled) is compiled


def test_nobody_is_reached_by_a_node_that_takes_no_part() -> None:
    assert Grapher(compiled_of(accept(1, s.ANY, s.ANY))).reach(99) == ()


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        (((6, (PortRange(1, 9),)),), ((6, (PortRange(5, 20),)),), ((6, (PortRange(5, 9),)),)),
        (((6, (PortRange(1, 9),)),), ((17, (PortRange(1, 9),)),), ()),
        (
            ((6, (PortRange(0, 65535),)),),
            ((6, (PortRange(0, 10), PortRange(11, 65535))),),
            ((6, (PortRange(0, 65535),)),),
        ),
    ],
)
def test_common_services_are_those_of_both(one: Services, other: Services, common: Services) -> None:
    assert common_services(one, other) == common == common_services(other, one)
