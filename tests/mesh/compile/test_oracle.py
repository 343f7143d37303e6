"""The engine against the naive oracle, on random networks and policies."""

from __future__ import annotations

from hypothesis import given

from mesh.compile import compile_policy
from mesh.policy import NetworkFacts, Policy
from tests.mesh.policy.agent import Agent
from tests.mesh.policy.oracle import Oracle, ends_of
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, networks, policies


@thorough
@given(policies(), networks())
def test_visibility_equals_the_oracle(policy: Policy, facts: NetworkFacts) -> None:
    compiled, oracle = compile_policy(policy, facts, AT), Oracle(policy, facts, AT)
    for one in facts.nodes:
        expected = [other.id for other in facts.nodes if oracle.sees(one, other)]
        assert compiled.peers_of(one.id) == expected
        assert [other.id for other in facts.nodes if compiled.sees(one.id, other.id)] == expected


@thorough
@given(policies(), networks(max_nodes=4))
def test_routes_and_exits_equal_the_oracle(policy: Policy, facts: NetworkFacts) -> None:
    compiled, oracle = compile_policy(policy, facts, AT), Oracle(policy, facts, AT)
    for viewer in facts.nodes:
        for router in facts.nodes:
            if viewer is router:
                continue
            expected = [
                route for route in router.routes if route.prefixlen and oracle.route_between(viewer, router, route)
            ]
            assert list(compiled.routes_between(viewer.id, router.id)) == expected
            assert compiled.exit_node_for(viewer.id, router.id) is oracle.exit_between(viewer, router)


@thorough
@given(policies(), networks())
def test_filters_let_through_exactly_what_is_decided(policy: Policy, facts: NetworkFacts) -> None:
    compiled, oracle = compile_policy(policy, facts, AT), Oracle(policy, facts, AT)
    flows = oracle.flows()
    for receiver in facts.nodes:
        agent = Agent(compiled, receiver)
        for sender in facts.nodes:
            if sender is receiver:
                continue
            for source in ends_of(sender, destination=False):
                for destination in ends_of(receiver, destination=True):
                    if source.address.version != destination.address.version:
                        continue
                    for flow in flows:
                        expected = oracle.decide(source, destination, *flow)
                        assert agent.lets_in(source.address, destination.address, *flow) is expected
