"""What speaks against a policy that is about to come into force, judged against the network as it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from acl.judges import Proposal
from acl.services.approvals import plan_approvals
from coordinator.policy.crowds import Crowd, find_crowd
from coordinator.policy.live import live_network, with_approvals
from coordinator.policy.testing import broken_tests, broken_words
from mesh.compile import CompiledPolicy, with_policy
from mesh.explain.assertions import Outcome, run_assertions
from mesh.policy import Policy
from nodes.models import Network

NAME = "live network"


@dataclass(frozen=True, slots=True)
class Assessment:
    """A network before and after a policy comes into force, what its stored tests say then, and what speaks against it
    in words for people: that tests break, and what else (``others``)."""

    before: CompiledPolicy
    after: CompiledPolicy
    outcomes: tuple[Outcome, ...]
    objections: tuple[str, ...]
    others: tuple[str, ...]


def assess(*, network: Network, policy: Policy, at: datetime) -> Assessment:
    """What ``policy`` would make of the network as it is, routes included that it approves or not any more.

    What was so before is no objection to an edit that makes it no worse. Raises ValidationError, in the words of the
    rule at fault, for a policy that does not compile.
    """
    live = live_network(network)
    plan = plan_approvals(network_id=network.pk, policy=policy)
    after = with_approvals(live, with_policy(live.compiled, policy, at), plan)
    outcomes = run_assertions(after)
    broken = broken_words(broken_tests(live.compiled, outcomes))
    others = crowd_objections(live.compiled, after, network.max_peers)
    return Assessment(live.compiled, after, outcomes, (*broken, *others), others)


def judge(proposal: Proposal) -> tuple[str, ...]:
    """The objections to a proposal. Raises as ``assess`` does."""
    return assess(network=proposal.network, policy=proposal.policy, at=proposal.at).objections


def crowd_objections(before: CompiledPolicy, after: CompiledPolicy, limit: int) -> tuple[str, ...]:
    """What speaks against ``after`` where more peers than ``limit`` are concerned."""
    crowd = find_crowd(after, limit)
    if not crowd.nodes or crowd.most <= find_crowd(before, limit).most:
        return ()
    return (crowd_words(after, crowd, limit),)


def crowd_words(compiled: CompiledPolicy, crowd: Crowd, limit: int) -> str:
    """A crowd in words."""
    node = None if crowd.node_id is None else compiled.node(crowd.node_id)
    name = "one node" if node is None else node.name
    nodes = f"{crowd.nodes} nodes" if crowd.nodes > 1 else "1 node"
    return f"{nodes} would have more than {limit} peers, {name} {crowd.most}."
