"""What versions of a policy mean for the network as it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from acl.models import AclRule
from acl.services.assertions import create_test
from acl.services.rules import create_rule, delete_rule
from coordinator.policy.effects import check_version, version_effect
from coordinator.policy.history import compare_versions
from coordinator.replica import REPLICAS
from mesh.change import Cause
from mesh.errors import NotFoundError
from nodes.models import Network
from tests.factories import AddressFactory, NodeFactory, TaggedNodeFactory

pytestmark = pytest.mark.django_db
ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"], "name": "all"}


def act() -> dict[str, Any]:
    return {"cause": Cause.command(), "now": timezone.now()}


@pytest.fixture
def net(network: Network) -> Network:
    """Two machines that see each other by version 2, which adds a rule for all."""
    REPLICAS.clear()
    for number, node in enumerate((NodeFactory(network=network), TaggedNodeFactory(network=network)), start=1):
        AddressFactory(node=node, network=network, address=f"10.1.0.{number}")
    create_rule(network_id=network.pk, fields=ANY, **act())
    network.refresh_from_db()
    return network


def test_a_version_gained_its_pairs_among_the_nodes_of_today(net: Network) -> None:
    seen = version_effect(network_id=net.pk, before=net.policy_version - 1, after=net.policy_version)
    assert (seen.gained, seen.lost) == (1, 0)


def test_backwards_they_are_lost(net: Network) -> None:
    seen = version_effect(network_id=net.pk, before=net.policy_version, after=net.policy_version - 1)
    assert (seen.gained, seen.lost) == (0, 1)


def test_no_policy_at_all_is_version_0(net: Network) -> None:
    assert version_effect(network_id=net.pk, before=0, after=net.policy_version).gained == 1


def test_going_back_is_judged_before_it_is_done(net: Network) -> None:
    create_test(network_id=net.pk, fields={"source": "10.1.0.1", "accept": ["10.1.0.2:22"]}, **act())
    checked = check_version(network_id=net.pk, number=net.policy_version - 1)
    assert [rule["name"] for rule in checked.difference["rules"]["removed"]] == ["all"]
    assert "tests" in checked.difference
    assert AclRule.objects.filter(network=net, name="all").exists()


def test_what_is_in_force_differs_in_nothing(net: Network) -> None:
    assert check_version(network_id=net.pk, number=net.policy_version).difference == {}


def test_a_version_that_never_was_is_not_found(net: Network) -> None:
    with pytest.raises(NotFoundError):
        check_version(network_id=net.pk, number=net.policy_version + 9)
    with pytest.raises(NotFoundError):
        version_effect(network_id=net.pk, before=0, after=net.policy_version + 9)


def test_a_rule_that_came_back_with_another_id_is_the_same_where_that_is_asked(net: Network) -> None:
    number = net.policy_version
    delete_rule(rule_id=AclRule.objects.get(network=net, name="all").pk, **act())
    create_rule(network_id=net.pk, fields=ANY, **act())
    assert compare_versions(network_id=net.pk, before=number, after=number + 2, matched=True) == {}
    assert set(compare_versions(network_id=net.pk, before=number, after=number + 2)["rules"]) >= {"added", "removed"}
