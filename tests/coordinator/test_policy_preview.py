"""A preview says exactly what then happens to every node's peers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings

from acl.models import AclRule, PolicyClock
from acl.selectors import load_policy
from acl.services.rules import create_rule, delete_rule, move_rule, update_rule
from coordinator.policy.activation import assess
from coordinator.policy.preview import preview_edits, preview_of
from coordinator.policy.proposals import RuleEdit, Verb
from coordinator.replica import REPLICAS, current_state
from mesh.change import Cause
from mesh.errors import NotFoundError, ValidationError
from mesh.policy import Policy, RouteApprover, parse_prefix
from mesh.policy import selectors as s
from nodes.models import Network, Route
from tests.coordinator.policy_networks import build_network, put, with_rows
from tests.factories import NOW
from tests.mesh.policy.strategies import AT, policies

ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"]}
ACT: dict[str, Any] = {"cause": Cause.command(), "now": NOW}
Pairs = set[tuple[int, int]]


def pairs(network: Network) -> Pairs:
    """Who sees whom, by the maps that agents get."""
    compiled = current_state(network.pk).policy
    return {
        (node.id, peer)
        for node in compiled.world.nodes.values()
        for peer in compiled.peers_of(node.id)
        if node.id < peer
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=policies(), second=policies())
def test_a_preview_is_what_activation_does(network: Network, first: Policy, second: Policy) -> None:
    with transaction.atomic():
        PolicyClock.objects.filter(network=network).update(at=AT, next_boundary=None)
        build_network(network)
        put(network, with_rows(first))
        before = pairs(network)
        proposed = with_rows(second)
        row = Network.objects.get(pk=network.pk)
        foreseen = preview_of(0, assess(network=row, policy=proposed, at=AT), limit=1000).preview
        put(network, proposed)
        after = pairs(network)
        assert set(foreseen.first_gained) == after - before
        assert set(foreseen.first_lost) == before - after
        assert (foreseen.gained, foreseen.lost) == (len(after - before), len(before - after))
        assert sum(item.pairs for item in foreseen.gained_by) == foreseen.gained
        transaction.set_rollback(True)


@pytest.fixture
def small(network: Network) -> Network:
    """The network with nothing in force but what a test adds."""
    PolicyClock.objects.filter(network=network).update(at=NOW, next_boundary=None)
    build_network(network)
    AclRule.objects.filter(network=network).delete()
    with transaction.atomic():
        put(network, Policy())
    REPLICAS.clear()
    return network


def rule(network: Network, **fields: Any) -> AclRule:
    return create_rule(network_id=network.pk, fields=ANY | fields, **ACT)


def foresee(network: Network, *edits: RuleEdit) -> tuple[Pairs, Pairs]:
    found = preview_edits(network_id=network.pk, edits=edits, now=NOW, limit=1000).preview
    return set(found.first_gained), set(found.first_lost)


def test_edits_are_foreseen_as_the_services_do_them(small: Network) -> None:
    deny = rule(small, action="deny", sources=["node:n1"])
    accept = rule(small, sources=["node:n1"], destinations=["node:n2", "node:n3"])
    other = rule(small, sources=["node:n4"], destinations=["node:n5"])
    before = pairs(small)
    edits = [
        RuleEdit(Verb.MOVE, accept.pk, position=1),
        RuleEdit(Verb.UPDATE, accept.pk, {"destinations": ["node:n3"]}),
        RuleEdit(Verb.DELETE, other.pk),
        RuleEdit(Verb.CREATE, fields=ANY | {"sources": ["node:n2"], "destinations": ["node:n3"]}, position=2),
    ]
    gained, lost = foresee(small, *edits)
    move_rule(rule_id=accept.pk, position=1, **ACT)
    update_rule(rule_id=accept.pk, fields={"destinations": ["node:n3"]}, **ACT)
    delete_rule(rule_id=other.pk, **ACT)
    create_rule(network_id=small.pk, fields=edits[3].fields, position=2, **ACT)
    after = pairs(small)
    assert (gained, lost) == (after - before, before - after)
    assert (gained, lost) == ({(1, 3), (2, 3)}, {(4, 5)})
    assert deny.pk is not None


def test_a_new_rule_without_a_place_comes_last(small: Network) -> None:
    rule(small, action="deny", sources=["node:n1"])
    gained, _ = foresee(
        small, RuleEdit(Verb.CREATE, fields=ANY | {"sources": ["node:n1"], "destinations": ["node:n2"]})
    )
    assert gained == set()


def test_a_preview_writes_nothing(small: Network) -> None:
    before = (pairs(small), Network.objects.get(pk=small.pk).map_version)
    foresee(small, RuleEdit(Verb.CREATE, fields=ANY))
    assert (pairs(small), Network.objects.get(pk=small.pk).map_version) == before
    assert not AclRule.objects.filter(network=small).exists()


def test_the_rule_that_lets_pairs_in_is_named(small: Network) -> None:
    found = preview_edits(
        network_id=small.pk, edits=[RuleEdit(Verb.CREATE, fields=ANY | {"sources": ["node:n1"]})], now=NOW
    ).preview
    [group] = found.gained_by
    assert (group.pairs, group.cause.position, group.cause.source, group.cause.destination) == (4, 1, s.node(1), s.ANY)


def test_what_is_wrong_with_an_edit_is_named(small: Network) -> None:
    with pytest.raises(ValidationError) as caught:
        foresee(small, RuleEdit(Verb.CREATE, fields=ANY), RuleEdit(Verb.CREATE, fields=ANY | {"sources": ["node:x"]}))
    assert [item.field for item in caught.value.errors] == ["edits.1.sources.0"]


def test_an_edit_of_a_rule_that_is_not_there(small: Network) -> None:
    with pytest.raises(NotFoundError):
        foresee(small, RuleEdit(Verb.DELETE, 999_999))


def test_too_many_peers_are_said_before_anything_is_saved(small: Network) -> None:
    Network.objects.filter(pk=small.pk).update(max_peers=2)
    found = preview_edits(network_id=small.pk, edits=[RuleEdit(Verb.CREATE, fields=ANY)], now=NOW)
    [objection] = found.assessment.objections
    assert objection.startswith("5 nodes would have more than 2 peers")


def test_routes_that_would_be_approved_are_foreseen(small: Network) -> None:
    Route.objects.filter(node_id=4).update(approved=False)
    REPLICAS.clear()
    rule(small, sources=["node:n1"], destinations=["10.9.0.4/30"])
    before = pairs(small)
    proposed = replace(
        load_policy(small.pk),
        route_approvers=(RouteApprover(parse_prefix("10.9.0.4/30"), (s.tag("tag:a"),)),),
    )
    row = Network.objects.get(pk=small.pk)
    found = preview_of(0, assess(network=row, policy=proposed, at=NOW)).preview
    with transaction.atomic():
        put(small, proposed)
    assert set(found.first_gained) == pairs(small) - before == {(1, 4)}
