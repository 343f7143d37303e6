"""Who reaches a node, and whom it reaches, is what explain says of each pair, by the same rule."""

from __future__ import annotations

from collections import defaultdict
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings

from coordinator.policy.reach import Reach, ports_words, who_reaches, whom_it_reaches
from mesh.compile import CompiledPolicy, compile_policy
from mesh.explain import explain
from mesh.policy import Action, NetworkFacts, Policy, PolicyNode, PolicyUser, PortRange, Rule
from mesh.policy import selectors as s
from mesh.policy.services import ANY_PORT
from tests.mesh.policy.strategies import AT, IPV4_RANGE, networks, policies

PROBES = ((6, 22), (6, 80), (6, 443), (17, 53), (1, 0), (58, 0), (47, 0))
Flow = tuple[int, int, int]


def rules_in(reach: Reach, protocol: int, port: int, *, behind: bool = False) -> dict[int, set[int]]:
    """Rule ids by node, of the groups that let this flow in."""
    found: dict[int, set[int]] = defaultdict(set)
    for group in reach.groups:
        if bool(group.networks or group.internet) is not behind:
            continue
        if any(item.first <= port <= item.last for item in dict(group.services).get(protocol, ())):
            for node_id in group.nodes:
                found[node_id].add(group.rule.id)
    return dict(found)


def explained(compiled: CompiledPolicy, source: Any, destination: Any, protocol: int, port: int) -> set[int]:
    answers = explain(compiled, source, destination, protocol=protocol, port=port).answers
    return {answer.rule.id for answer in answers if answer.accepted and answer.rule is not None}


@settings(max_examples=60, deadline=None)
@given(facts=networks(), policy=policies())
def test_reach_is_what_explain_says(facts: NetworkFacts, policy: Policy) -> None:
    compiled = compile_policy(policy, facts, AT)
    ids = [node.id for node in facts.nodes if node.addresses]
    for node_id in ids:
        inward, onward = who_reaches(compiled, node_id), whom_it_reaches(compiled, node_id)
        for protocol, port in PROBES:
            into = {
                o: found for o in ids if o != node_id and (found := explained(compiled, o, node_id, protocol, port))
            }
            out = {o: found for o in ids if o != node_id and (found := explained(compiled, node_id, o, protocol, port))}
            assert rules_in(inward, protocol, port) == into
            assert rules_in(onward, protocol, port) == out


@settings(max_examples=25, deadline=None)
@given(facts=networks(), policy=policies())
def test_networks_and_the_internet_are_what_explain_says(facts: NetworkFacts, policy: Policy) -> None:
    compiled = compile_policy(policy, facts, AT)
    ids = [node.id for node in facts.nodes if node.addresses]
    behind = {
        route: {node.id for node in facts.nodes if route in node.routes}
        for node in facts.nodes
        for route in node.routes
    }
    for prefix, routers in behind.items():
        if prefix.prefixlen == 0:
            continue
        for node_id in set(ids) - routers:
            groups = [group for group in whom_it_reaches(compiled, node_id).groups if prefix in group.networks]
            for protocol, port in PROBES:
                said = any(
                    item.first <= port <= item.last
                    for group in groups
                    for item in dict(group.services).get(protocol, ())
                )
                answers = [explained(compiled, node_id, address, protocol, port) for address in prefix]
                assert said == any(answers)


def test_who_is_on_the_list_of_a_router_for_its_network() -> None:
    one = PolicyNode(1, "a", 1, addresses=(ip_address("10.1.0.1"),))
    router = PolicyNode(2, "gw", None, frozenset({"tag:gw"}), (ip_address("10.1.0.2"),), (ip_network("10.9.0.0/24"),))
    facts = NetworkFacts("test.ghost", IPV4_RANGE, None, (one, router), (PolicyUser(1, "u1@example.com"),))
    rule = Rule(7, 1, Action.ACCEPT, (s.user(1),), (s.prefix(ip_network("10.9.0.0/24")),))
    compiled = compile_policy(Policy(rules=(rule,)), facts, AT)
    [group] = who_reaches(compiled, 2).groups
    assert ([*group.nodes], [str(item) for item in group.networks], group.rule.id) == ([1], ["10.9.0.0/24"], 7)
    assert [str(item) for group in whom_it_reaches(compiled, 1).groups for item in group.networks] == ["10.9.0.0/24"]


def test_one_who_takes_no_part_reaches_nobody() -> None:
    compiled = compile_policy(Policy(), NetworkFacts("test.ghost", IPV4_RANGE, None, (), ()), AT)
    assert (who_reaches(compiled, 5).groups, whom_it_reaches(compiled, 5).groups) == ((), ())


ANY = (ANY_PORT,)


@pytest.mark.parametrize(
    ("services", "words"),
    [
        (((1, ANY), (6, ANY), (17, ANY), (58, ANY)), ("any port",)),
        (((6, (PortRange(22, 22), PortRange(80, 81))),), ("tcp/22,80-81",)),
        (((1, ANY), (6, (PortRange(53, 53),)), (17, (PortRange(53, 53),)), (58, ANY)), ("tcp+udp/53", "ping")),
        (((6, ANY),), ("tcp/any",)),
        (((1, ANY),), ("ping",)),
        (((47, ANY),), ("gre",)),
    ],
)
def test_services_in_words(services: Any, words: tuple[str, ...]) -> None:
    assert ports_words(services) == words
