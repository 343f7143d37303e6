"""A network with a policy that has a history: own devices, then a rule for all, and two machines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from acl.models import AclRule, PolicyTrial
from acl.services.rules import create_rule, own_devices_rule
from acl.services.trials import begin_trial
from coordinator.replica import REPLICAS
from mesh.change import Cause
from nodes.models import Network
from sessions_app.models import User
from tests import factories as make


@pytest.fixture
def policy(network: Network, owner: User) -> Network:
    """Version 1: own devices. Version 2: everything reaches everything, by the owner."""
    REPLICAS.clear()
    own_devices_rule(network=network)
    laptop = make.NodeFactory(network=network, owner=owner, name="laptop")
    server = make.TaggedNodeFactory(network=network, name="server", tags=["tag:db"])
    for number, node in enumerate((laptop, server), start=1):
        make.AddressFactory(node=node, network=network, address=f"10.1.0.{number}")
    make.TagOwnerFactory(network=network, tag="tag:db")
    fields = {"action": "accept", "sources": ["*"], "destinations": ["*"], "name": "all of it"}
    create_rule(network_id=network.pk, fields=fields, cause=Cause.user(owner.pk), now=timezone.now())
    network.refresh_from_db()
    return network


@pytest.fixture
def trial(policy: Network) -> PolicyTrial:
    """Version 3, on trial: servers may reach nothing."""

    def edit() -> Any:
        return create_rule(
            network_id=policy.pk,
            fields={"action": "deny", "sources": ["tag:db"], "destinations": ["*"], "name": "no servers"},
            position=1,
            cause=Cause.command(),
            now=timezone.now(),
        )

    now = timezone.now()
    done = begin_trial(network_id=policy.pk, within=timedelta(minutes=5), apply=edit, cause=Cause.command(), now=now)
    assert done.trial is not None
    policy.refresh_from_db()
    return done.trial


def rule_names(network: Network) -> list[str]:
    """The rules in their order."""
    return list(AclRule.objects.filter(network=network).order_by("position").values_list("name", flat=True))
