"""What speaks against a policy, judged against the network as it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from acl.models import AclRule, AutoApproval, PolicyVersion
from acl.selectors import latest_version
from acl.selectors.history import facts_of_version
from acl.services.apply import apply_policy
from acl.services.approvals import plan_approvals
from acl.services.policy import activate_policy
from acl.services.rules import create_rule
from acl.stored import pack_facts
from coordinator.policy.crowds import find_crowd
from coordinator.policy.live import live_network, with_approvals
from coordinator.replica import REPLICAS, current_state
from mesh.change import Cause
from mesh.compile import with_policy
from mesh.errors import ConflictError
from mesh.policy import Policy, RouteApprover, parse_prefix
from mesh.policy import selectors as s
from nodes.changes import lock_network
from nodes.models import Network
from tests.factories import AddressFactory, NodeFactory, RouteFactory, TaggedNodeFactory

ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"]}


def act() -> dict[str, Any]:
    return {"cause": Cause.command(), "now": timezone.now()}


@pytest.fixture
def crowd(network: Network) -> Network:
    """Six nodes of six people in a network that allows three peers a node."""
    for _ in range(6):
        AddressFactory(node=NodeFactory(network=network), network=network)
    Network.objects.filter(pk=network.pk).update(max_peers=3)
    REPLICAS.clear()
    return network


def open_to(network: Network, *names: str) -> AclRule:
    fields = ANY | {"destinations": [f"node:{name}" for name in names]}
    return create_rule(network_id=network.pk, fields=fields, **act())


def test_a_policy_that_gives_a_node_too_many_peers_is_refused_and_says_so(crowd: Network) -> None:
    with pytest.raises(ConflictError, match=r"6 nodes would have more than 3 peers, .* 5\."):
        create_rule(network_id=crowd.pk, fields=ANY, **act())
    assert AclRule.objects.filter(network=crowd).count() == 1


def test_it_comes_into_force_when_forced_and_that_is_recorded(crowd: Network) -> None:
    create_rule(network_id=crowd.pk, fields=ANY, forced=True, **act())
    version = latest_version(crowd.pk)
    assert version is not None and version.forced
    assert version.objections[0].startswith("6 nodes would have more than 3 peers")


def test_an_edit_that_makes_a_crowd_no_larger_is_not_refused(crowd: Network) -> None:
    create_rule(network_id=crowd.pk, fields=ANY, forced=True, **act())
    create_rule(network_id=crowd.pk, fields=ANY | {"name": "again"}, **act())
    version = latest_version(crowd.pk)
    assert version is not None and not version.forced


def test_a_crowd_counts_own_devices_exactly(crowd: Network) -> None:
    """Three others and one device of one's own, which the first rule gives already, are four peers."""
    ana = crowd.nodes.first()
    assert ana is not None
    AddressFactory(node=NodeFactory(network=crowd, owner=ana.owner, name="phone"), network=crowd)
    REPLICAS.clear()
    others = [node.name for node in crowd.nodes.exclude(owner=ana.owner)][:3]
    fields = ANY | {"sources": [f"node:{ana.name}"], "destinations": [f"node:{name}" for name in others]}
    with pytest.raises(ConflictError, match=rf"1 node would have more than 3 peers, {ana.name} 4\."):
        create_rule(network_id=crowd.pk, fields=fields, **act())


def test_exactly_as_many_peers_as_allowed_are_no_crowd(crowd: Network) -> None:
    names = [node.name for node in crowd.nodes.all()]
    fields = ANY | {"sources": [f"node:{names[0]}"], "destinations": [f"node:{name}" for name in names[1:4]]}
    create_rule(network_id=crowd.pk, fields=fields, **act())


def test_what_is_counted_is_what_nodes_see(crowd: Network) -> None:
    create_rule(network_id=crowd.pk, fields=ANY, forced=True, **act())
    compiled = current_state(crowd.pk).policy
    counted = find_crowd(compiled, 3)
    sizes = {node.id: len(compiled.peers_of(node.id)) for node in compiled.world.nodes.values()}
    assert (counted.nodes, counted.most) == (sum(size > 3 for size in sizes.values()), max(sizes.values()))


def test_the_judge_leaves_no_trace_of_what_is_not_true_yet(crowd: Network) -> None:
    before = current_state(crowd.pk)
    with pytest.raises(ConflictError):
        create_rule(network_id=crowd.pk, fields=ANY, **act())
    assert REPLICAS.of(crowd.pk).state is before
    assert len(before.policy.policy.rules) == 1


def test_the_network_is_read_at_its_recorded_version_when_the_replica_is_behind(network: Network) -> None:
    current_state(network.pk)
    rule = create_rule(network_id=network.pk, fields=ANY, **act())
    live = live_network(Network.objects.get(pk=network.pk))
    assert rule.pk in {item.id for item in live.compiled.policy.rules}
    assert REPLICAS.of(network.pk).state is not None


def test_the_network_is_read_without_a_replica(network: Network) -> None:
    node = NodeFactory(network=network)
    REPLICAS.clear()
    live = live_network(Network.objects.get(pk=network.pk))
    assert live.topology.nodes.get(node.pk) is not None
    assert [rule.name for rule in live.compiled.policy.rules] == ["own devices"]


def test_a_policy_in_force_that_cannot_be_read_does_not_keep_a_better_one_out(network: Network) -> None:
    version = latest_version(network.pk)
    assert version is not None
    facts = facts_of_version(version)
    facts["hosts"] = {"db": "nowhere"}
    PolicyVersion.objects.filter(network=network).update(facts=pack_facts(facts), digest="another")
    REPLICAS.clear()
    assert create_rule(network_id=network.pk, fields=ANY, **act()).pk is not None


@transaction.atomic
def put(network: Network, policy: Policy) -> None:
    locked = lock_network(network.pk)
    apply_policy(network=locked, policy=policy)
    activate_policy(network=locked, **act())


def test_routes_that_a_policy_would_approve_are_foreseen(network: Network) -> None:
    router = TaggedNodeFactory(network=network, tags=["tag:router"])
    AddressFactory(node=router, network=network)
    RouteFactory(node=router, network=network, prefix="10.33.0.0/16", approved=False)
    REPLICAS.clear()
    policy = Policy(route_approvers=(RouteApprover(parse_prefix("10.33.0.0/16"), (s.tag("tag:router"),)),))
    live = live_network(Network.objects.get(pk=network.pk))
    plan = plan_approvals(network_id=network.pk, policy=policy)
    foreseen = with_approvals(live, with_policy(live.compiled, policy), plan)
    put(network, policy)
    assert AutoApproval.objects.count() == 1
    assert foreseen.node(router.pk) == current_state(network.pk).policy.node(router.pk)
    assert [str(route) for route in foreseen.node(router.pk).routes] == ["10.33.0.0/16"]  # type: ignore[union-attr]
