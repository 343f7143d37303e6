"""Newcomers where there is no more room: of addresses, and of nodes a person may have."""

from __future__ import annotations

import pytest
from django.conf import settings

from mesh.change import Cause
from nodes.models import Address, Change, NameReservation, Network, Node
from nodes.services.network import update_network
from sessions_app.models import AuthKey, AuthKeyUse, NodeSession, UsedChallenge, User
from tests.agents import Machine
from tests.fixtures import START, Clock, KeyOf

pytestmark = pytest.mark.usefixtures("clock")
CAUSE = Cause.command()


# --- limits of what there is


def small(network: Network) -> None:
    """Leaves the network two addresses of IPv4."""
    update_network(network_id=network.pk, changes={"ipv4_range": "10.1.0.0/29"}, cause=CAUSE, now=START)
    update_network(network_id=network.pk, changes={"excluded": ["10.1.0.4-10.1.0.6"]}, cause=CAUSE, now=START)


def test_an_exhausted_pool_is_507_and_leaves_no_trace(network: Network, ana: User, key_of: KeyOf) -> None:
    small(network)
    key = key_of(ana, reusable=True)
    assert [Machine().register(key).status_code for _ in range(2)] == [201, 201]

    def rows() -> list[object]:
        models = (Node, Address, NameReservation, NodeSession, AuthKeyUse, UsedChallenge, Change)
        return [
            *(model.objects.count() for model in models),
            Network.objects.values().get(),
            AuthKey.objects.values().get(),
        ]

    before = rows()
    response = Machine("third").register(key)
    assert (response.status_code, response.json()["code"]) == (507, "resource_exhausted")
    assert rows() == before


def test_addresses_in_quarantine_count_as_taken(network: Network, ana: User, key_of: KeyOf, clock: Clock) -> None:
    small(network)
    key = key_of(ana, reusable=True)
    machines = [Machine(), Machine()]
    for machine in machines:
        machine.register(key)
    machines[0].call("delete", "nodes/self")
    assert Machine().register(key).status_code == 507
    clock.advance(hours=24)
    assert Machine().register(key).status_code == 201


def test_a_user_may_have_only_so_many_nodes(
    network: Network, ana: User, ben: User, key_of: KeyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = settings.GHOSTWIRE.auth.model_copy(update={"max_nodes_per_user": 2})
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"auth": auth}))
    key = key_of(ana, reusable=True)
    assert [Machine().register(key).status_code for _ in range(3)] == [201, 201, 507]
    assert Machine().register(key_of(ben)).status_code == 201
    assert Machine().register(key_of(None, tags=["tag:db"])).status_code == 201
