"""Acts on very many nodes: what each kind leaves behind."""

from __future__ import annotations

from collections import Counter

import pytest

from coordinator.finding.criteria import Criteria
from coordinator.replica import current_state
from nodes.models import Address, Change, NameReservation, Network, Node, Route
from tests import factories as make
from tests.coordinator.jobs.fleet import tagged_nodes
from tests.coordinator.jobs.running import carry_out, facts

pytestmark = pytest.mark.django_db


def test_deleted_nodes_leave_nothing_that_could_be_taken_at_once(network: Network) -> None:
    node = tagged_nodes(network, 1)[0]
    make.AddressFactory(node=node, number=7)
    make.RouteFactory(node=node, prefix="10.40.0.0/16", approved=True, primary=True)
    spare = make.RouteFactory(node=make.NodeFactory(network=network), prefix="10.40.0.0/16", approved=True)
    carry_out(network, "delete", Criteria(tags=("web",)))
    address = Address.objects.get()
    assert address.node is None
    assert address.quarantined_until is not None
    assert NameReservation.objects.get().name == "m-1"
    assert Route.objects.get(pk=spare.pk).primary
    assert dict(current_state(network.pk).topology.nodes.items()) == facts(network)


def test_what_a_deny_rule_names_stays_unless_forced(network: Network) -> None:
    one, two = tagged_nodes(network, 2)
    make.AclRuleFactory(network=network, position=2, action="deny", sources=[f"node#{one.pk}"], destinations=["*"])
    job = carry_out(network, "delete", Criteria(tags=("web",)))
    assert (job.changed, job.left) == (1, 1)
    assert "is denied something by" in job.reasons[0][2]
    assert list(Node.objects.all()) == [one]
    carry_out(network, "delete", Criteria(tags=("web",)), forced=True)
    assert not Node.objects.exists()
    assert Change.objects.latest("version").facts["forced"]
    assert two.pk


def test_a_router_that_goes_hands_its_prefix_over_in_the_same_change(network: Network) -> None:
    router = tagged_nodes(network, 1)[0]
    make.RouteFactory(node=router, prefix="10.40.0.0/16", approved=True, primary=True)
    spare = make.RouteFactory(node=make.NodeFactory(network=network), prefix="10.40.0.0/16", approved=True)
    before = Change.objects.count()
    carry_out(network, "disable", Criteria(tags=("web",)))
    assert Change.objects.count() == before + 1
    assert Route.objects.get(pk=spare.pk).primary
    assert dict(current_state(network.pk).topology.nodes.items()) == facts(network)


def test_keys_are_asked_for_one_after_the_other(network: Network) -> None:
    tagged_nodes(network, 45)
    carry_out(network, "rotate")
    asked = Counter(Node.objects.values_list("rotate_requested_at", flat=True))
    assert sorted(asked.values()) == [5, 20, 20]


def test_no_node_is_left_without_tags(network: Network) -> None:
    tagged_nodes(network, 1)
    job = carry_out(network, "tags", mode="remove", tags=["tag:web"])
    assert (job.changed, job.reasons[0][2]) == (0, "would have no tag, and belong to nobody")
