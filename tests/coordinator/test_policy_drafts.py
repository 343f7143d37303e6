"""A draft of several edits comes into force as one change, or not at all; what it would decide is what it decides."""

from __future__ import annotations

from typing import Any

import pytest

from acl.errors import OutdatedError
from acl.models import AclRule, PolicyVersion
from acl.services.rules import create_rule
from coordinator.policy.drafts import apply_edits, explain_draft
from coordinator.policy.explain import explain_flow
from coordinator.policy.proposals import RuleEdit, Verb
from mesh.change import Cause
from mesh.errors import ConflictError, ValidationError
from nodes.models import Change, Network
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db
ACT: dict[str, Any] = {"cause": Cause.command(), "now": NOW}
OPEN = {"action": "accept", "sources": ["*"], "destinations": ["*"]}


@pytest.fixture
def pair(network: Network) -> tuple[Any, Any]:
    """Two nodes, and no rule between them."""
    AclRule.objects.filter(network=network).delete()
    nodes = make.NodeFactory(network=network, name="one"), make.NodeFactory(network=network, name="two")
    for number, node in enumerate(nodes, start=1):
        make.AddressFactory(node=node, network=network, address=f"10.1.0.{number}")
    return nodes


def edits(*said: tuple[Verb, int | None, dict[str, Any], int | None]) -> list[RuleEdit]:
    return [RuleEdit(verb, ident, fields, position) for verb, ident, fields, position in said]


def test_all_edits_make_one_change(network: Network, pair: Any) -> None:
    first = create_rule(network_id=network.pk, fields=OPEN | {"name": "a"}, **ACT)
    second = create_rule(network_id=network.pk, fields=OPEN | {"name": "b", "ports": ["22"]}, **ACT)
    before = Change.objects.count()
    wanted = edits(
        (Verb.MOVE, second.pk, {}, 1),
        (Verb.UPDATE, first.pk, {"comment": "kept"}, None),
        (Verb.CREATE, None, OPEN | {"name": "c", "action": "deny", "ports": ["25"]}, 1),
    )
    version = apply_edits(network_id=network.pk, edits=wanted, comment="why", **ACT)
    assert version is not None and version.comment == "why"
    assert Change.objects.count() == before + 1
    assert list(AclRule.objects.order_by("position").values_list("name", flat=True)) == ["c", "b", "a"]
    assert AclRule.objects.get(pk=first.pk).comment == "kept"


def test_a_draft_on_an_older_policy_is_refused(network: Network, pair: Any) -> None:
    network.refresh_from_db()
    seen = network.policy_version
    create_rule(network_id=network.pk, fields=OPEN, **ACT)
    with pytest.raises(OutdatedError):
        apply_edits(network_id=network.pk, edits=edits((Verb.CREATE, None, OPEN, None)), expected_version=seen, **ACT)
    assert AclRule.objects.count() == 1


def test_a_broken_test_stops_it_whole(network: Network, pair: Any) -> None:
    rule = create_rule(network_id=network.pk, fields=OPEN, **ACT)
    make.PolicyTestFactory(
        network=network, source="10.1.0.1/32", accept=[{"destination": "10.1.0.2/32", "ports": [[22, 22]]}], deny=[]
    )
    create_rule(network_id=network.pk, fields=OPEN | {"name": "other", "ports": ["1"]}, **ACT)
    versions = PolicyVersion.objects.count()
    gone = edits((Verb.DELETE, rule.pk, {}, None))
    with pytest.raises(ConflictError, match="A test breaks"):
        apply_edits(network_id=network.pk, edits=gone, **ACT)
    assert (AclRule.objects.count(), PolicyVersion.objects.count()) == (2, versions)
    version = apply_edits(network_id=network.pk, edits=gone, forced=True, **ACT)
    assert version is not None and version.forced


def test_every_bad_edit_is_named(network: Network, pair: Any) -> None:
    bad = edits(
        (Verb.CREATE, None, OPEN | {"sources": ["group:opps"]}, None),
        (Verb.CREATE, None, OPEN | {"destinations": ["*", "tag:nowhere"]}, None),
    )
    with pytest.raises(ValidationError) as raised:
        apply_edits(network_id=network.pk, edits=bad, **ACT)
    assert [item.field for item in raised.value.errors] == ["edits.0.sources.0", "edits.1.destinations.1"]


def test_the_draft_decides_as_it_does_once_in_force(network: Network, pair: Any) -> None:
    wanted = edits((Verb.CREATE, None, OPEN | {"ports": ["22"]}, None))
    flow: dict[str, Any] = {"network_id": network.pk, "source": "one", "destination": "two", "protocol": 6, "port": 22}
    assert not explain_flow(**flow).explanation.accepted
    foreseen = explain_draft(edits=wanted, now=NOW, **flow).explanation
    apply_edits(network_id=network.pk, edits=wanted, **ACT)
    found = explain_flow(**flow).explanation
    assert foreseen.accepted and found.accepted
    assert [item.rule and item.rule.position for item in foreseen.answers] == [
        item.rule and item.rule.position for item in found.answers
    ]
