"""What a policy takes from whoever proposes it: its machines' peers, and the way to this portal."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from coordinator.policy.activation import assess
from coordinator.policy.own_machines import Asker, OwnLosses, asker_of, own_losses
from coordinator.policy.preview import preview_edits
from coordinator.policy.proposals import RuleEdit, Verb
from mesh.change import Cause
from mesh.policy import Policy
from nodes.models import Network
from tests.factories import NOW, AddressFactory, NodeFactory, TaggedNodeFactory, UserFactory

from acl.services.rules import create_rule  # isort: skip

ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"], "name": "all"}


@pytest.fixture
def world(network: Network) -> dict[str, Any]:
    """Ana's laptop (10.1.0.1), Ben's desk (10.1.0.2), the portal's machine (10.1.0.3); all reach each other."""
    ana = UserFactory(username="ana")
    nodes = [
        NodeFactory(network=network, owner=ana, name="laptop"),
        NodeFactory(network=network, name="desk"),
        TaggedNodeFactory(network=network, name="portal", tags=["tag:portal"]),
    ]
    for number, node in enumerate(nodes, start=1):
        AddressFactory(node=node, network=network, address=f"10.1.0.{number}")
    create_rule(network_id=network.pk, fields=ANY, cause=Cause.command(), now=NOW)
    network.refresh_from_db()
    return {"ana": ana, "laptop": nodes[0], "desk": nodes[1], "portal": nodes[2]}


def losses(network: Network, asker: Asker, *edits: RuleEdit) -> OwnLosses:
    if edits:
        found = preview_edits(network_id=network.pk, edits=edits, now=NOW).assessment
    else:
        found = assess(network=network, policy=Policy(), at=NOW)
    return own_losses(network=network, assessment=found, asker=asker)


def test_the_persons_machines_lose_their_peers(network: Network, world: dict[str, Any]) -> None:
    found = losses(network, Asker(world["ana"].pk))
    assert [(item.name, item.lost, item.peers, item.here) for item in found.machines] == [("laptop", 2, 2, False)]
    assert sorted(name for _, name in found.machines[0].first_lost) == ["desk", "portal"]
    assert not found.portal


def test_a_machine_that_the_request_comes_from_counts_whosever_it_is(network: Network, world: dict[str, Any]) -> None:
    found = losses(network, Asker(world["ana"].pk, "10.1.0.2"))
    assert [(item.name, item.here) for item in found.machines] == [("desk", True), ("laptop", False)]


def test_who_has_no_machine_and_comes_from_elsewhere_loses_nothing(network: Network, world: dict[str, Any]) -> None:
    assert not losses(network, Asker(UserFactory().pk, "192.0.2.1", ("192.0.2.2", 443)))


@pytest.mark.parametrize("host", ["10.1.0.3", "portal.{domain}"])
def test_the_way_to_the_portal_is_lost_where_it_leads_through_the_mesh(
    network: Network, world: dict[str, Any], host: str
) -> None:
    asker = Asker(None, "10.1.0.1", (host.format(domain=network.domain), 8443))
    assert losses(network, asker).portal


def test_a_rule_that_keeps_the_portals_port_keeps_the_way(network: Network, world: dict[str, Any]) -> None:
    rule = network.acl_rules.get(name="all")
    kept = RuleEdit(Verb.UPDATE, rule.pk, {"destinations": ["tag:portal"], "ports": ["8443"]})
    assert not losses(network, Asker(None, "10.1.0.1", ("10.1.0.3", 8443)), kept).portal
    assert losses(network, Asker(None, "10.1.0.1", ("10.1.0.3", 443)), kept).portal


def test_who_sits_at_the_portal_itself_cannot_lose_it(network: Network, world: dict[str, Any]) -> None:
    assert not losses(network, Asker(None, "10.1.0.3", ("10.1.0.3", 443))).portal


@pytest.mark.parametrize(
    ("host", "secure", "found"),
    [
        ("ghost.example.com", True, ("ghost.example.com", 443)),
        ("ghost.example.com:8000", False, ("ghost.example.com", 8000)),
        ("10.1.0.3", False, ("10.1.0.3", 80)),
        ("[fd00::3]:8443", True, ("fd00::3", 8443)),
        ("[fd00::3]", True, ("fd00::3", 443)),
    ],
)
def test_a_request_says_where_the_portal_was_found(
    settings: Any, host: str, secure: bool, found: tuple[str, int]
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    request = RequestFactory().get("/", secure=secure, headers={"Host": host}, REMOTE_ADDR="192.0.2.9")
    assert asker_of(request, user_id=7) == Asker(7, "192.0.2.9", found)
