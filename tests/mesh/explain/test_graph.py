"""Graphs against counting pair by pair and port by port, and against what agents are told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
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


class Ever(Oracle):
    """The same with all that schedules may yet open: those of the tests, told apart by hand."""

    @staticmethod
    def _open(rule: Rule, at: object) -> bool:
        schedule, accepts = rule.schedule, rule.action is Action.ACCEPT
        if schedule is None:
            return True
        if schedule.timezone == "No/Where":
            return not accepts
        if schedule.expires_at == AT:
            return False
        if schedule.not_before == AT:
            return True
        return accepts


Opened = frozenset[tuple[int, int]]
Flows = dict[tuple[int, int], Opened]


def flows_between(
    oracle: Oracle, sender: PolicyNode, receiver: PolicyNode, flows: list[tuple[int, int]] | None = None
) -> Opened:
    return frozenset(
        flow
        for source in ends_of(sender, destination=False)
        for destination in ends_of(receiver, destination=True)
        for flow in (oracle.flows() if flows is None else flows)
        if oracle.decide(source, destination, *flow)
    )


def opened(ports: list[tuple[int, int]], services: Services) -> set[tuple[int, int]]:
    ranges = dict(services)
    return {
        (protocol, port)
        for protocol, port in ports
        if any(item.first <= port <= item.last for item in ranges.get(protocol, ()))
    }


def check_flow(
    ports: list[tuple[int, int]], flow: Flow, now: list[Opened], lasting: list[Opened], ever: list[Opened]
) -> None:
    later = [found for mine, found in zip(now, ever, strict=True) if found and not mine]
    assert flow.later == len(later)
    assert opened(ports, flow.opens) == (frozenset.intersection(*later) if later else frozenset())
    assert flow.growing == sum(bool(mine) and found != mine for mine, found in zip(now, ever, strict=True))
    lasting = [found for mine, found in zip(now, lasting, strict=True) if mine]
    now = [found for found in now if found]
    common = frozenset.intersection(*now) if now else frozenset()
    always = frozenset.intersection(*lasting) if now else frozenset()
    assert flow.pairs == len(now)
    assert opened(ports, flow.services) == common
    assert flow.wider == sum(found != common for found in now)
    assert flow.at_times is not (common <= always)
    assert flow.passing == sum(not found for found in lasting)


@some
@given(policies(), networks(max_nodes=4))
def test_edges_are_the_pairs_of_the_naive_oracle(policy: Policy, facts: NetworkFacts) -> None:
    oracles = Oracle(policy, facts, AT), Always(policy, facts, AT), Ever(policy, facts, AT)
    ports = every_flow(oracles)
    now, lasting, ever = (
        {(one.id, other.id): flows_between(oracle, one, other, ports) for one, other in permutations(facts.nodes, 2)}
        for oracle in oracles
    )
    grapher = Grapher(compile_policy(policy, facts, AT))
    for by in GraphBy:
        check_graph(ports, grapher.graph(by), now, lasting, ever)


def every_flow(oracles: Iterable[Oracle]) -> list[tuple[int, int]]:
    """Every protocol and port at which anything changes, at whatever time."""
    return sorted({flow for oracle in oracles for flow in oracle.flows()})


def check_graph(ports: list[tuple[int, int]], graph: Graph, flows: Flows, always: Flows, ever: Flows) -> None:
    group = {ident: index for index, item in enumerate(graph.groups) for ident in item.ids}
    assert group.keys() == {ident for pair in flows for ident in pair} or len(group) == 1
    seen: dict[tuple[int, int], list[bool]] = defaultdict(list)
    later: Counter[tuple[int, int]] = Counter()
    now, lasting, some_time = (defaultdict[tuple[int, int], list[Opened]](list) for _ in range(3))
    for one, other in flows:
        low, high = sorted((group[one], group[other]))
        if one < other and (flows[one, other] or flows[other, one]):
            seen[low, high].append(bool(always[one, other] or always[other, one]))
        elif one < other and (ever[one, other] or ever[other, one]):
            later[low, high] += 1
        now[group[one], group[other]].append(flows[one, other])
        lasting[group[one], group[other]].append(always[one, other])
        some_time[group[one], group[other]].append(ever[one, other])
    assert {(edge.one, edge.other): (edge.pairs, edge.later) for edge in graph.edges} == {
        cell: (len(seen[cell]), later[cell]) for cell in {*seen, *later}
    }
    assert graph.pairs == sum(map(len, seen.values()))
    for edge, (there, back) in zip(graph.edges, graph.flows(graph.edges), strict=True):
        assert (edge.there, edge.back) == (there.pairs, back.pairs)
        assert edge.passing == seen[edge.one, edge.other].count(False)
        cell = edge.one, edge.other
        check_flow(ports, there, now[cell], lasting[cell], some_time[cell])
        if edge.one != edge.other:
            cell = edge.other, edge.one
            check_flow(ports, back, now[cell], lasting[cell], some_time[cell])
        else:
            assert back == Flow()


@few
@given(policies(), networks(max_nodes=4))
def test_reach_of_a_node_is_that_of_the_naive_oracle(policy: Policy, facts: NetworkFacts) -> None:
    oracles = Oracle(policy, facts, AT), Always(policy, facts, AT), Ever(policy, facts, AT)
    oracle, always, ever = oracles
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
                assert bool(bundle.out.ever) is ever.reaches(node, other)
                assert bool(bundle.back.ever) is ever.reaches(other, node)
        assert sorted(ident for ident, ways in found.items() if any(ways)) == compiled.peers_of(node.id)
        assert sorted(found) == [other.id for other in facts.nodes if ever.sees(node, other)]
        for ident, (out, back) in found.items():
            assert (grapher.access(node.id, ident).now, grapher.access(ident, node.id).now) == (out, back)
            assert opened(oracle.flows(), out) == flows_between(oracle, node, oracle.nodes[ident])
            assert opened(oracle.flows(), back) == flows_between(oracle, oracle.nodes[ident], node)


@some
@given(policies(), networks())
def test_edges_hold_as_many_pairs_as_agents_have_peers(policy: Policy, facts: NetworkFacts) -> None:
    compiled = compile_policy(policy, facts, AT)
    grapher = Grapher(compiled)
    peers = sum(len(compiled.peers_of(node.id)) for node in facts.nodes)
    graphs = [grapher.graph(by) for by in GraphBy]
    assert [2 * graph.pairs for graph in graphs] == [peers] * len(graphs)
    assert [2 * sum(edge.pairs for edge in graph.edges) for graph in graphs] == [peers] * len(graphs)


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


def test_what_a_schedule_will_open_is_there_and_marked() -> None:
    rule = accept(1, s.user(1), s.tag("tag:db"), 5432, schedule=replace(OFFICE, weekdays=frozenset({3})))
    grapher = Grapher(compiled_of(rule))
    graph = grapher.graph(GraphBy.TAG)
    (edge,) = graph.edges
    (flow,) = [flow for ways in graph.flows(graph.edges) for flow in ways if flow.later]
    assert (edge.pairs, edge.later, graph.pairs) == (0, 4, 0)
    assert (flow.pairs, flow.later, flow.opens) == (0, 4, ((6, (PortRange(5432, 5432),)),))
    assert [(len(item.ids), item.out.now, item.out.ever) for item in grapher.reach(1)] == [(2, (), flow.opens)]


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
