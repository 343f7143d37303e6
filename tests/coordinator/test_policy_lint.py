"""Remarks on the policy in force, over the live network."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from acl.models import AclRule
from acl.services.boundaries import write_boundary
from acl.services.rules import create_rule
from coordinator.lifecycle import delete_node
from coordinator.policy.lint import SOON, PolicyRemark, lint_policy
from coordinator.replica import REPLICAS
from mesh.change import Cause
from mesh.policy import Policy
from nodes.models import Network
from tests.coordinator.policy_calls import caller
from tests.coordinator.policy_networks import build_network, put

LIMITED = {"action": "accept", "sources": ["node:n1"], "destinations": ["node:n2"], "ports": ["22"]}


@pytest.fixture
def small(network: Network) -> Network:
    """Five nodes, and no rule."""
    build_network(network)
    with transaction.atomic():
        put(network, Policy())
    REPLICAS.clear()
    return network


def rule(network: Network, now: datetime, **fields: Any) -> AclRule:
    return create_rule(network_id=network.pk, fields=LIMITED | fields, cause=Cause.command(), now=now)


def remarks(network: Network, now: datetime) -> list[PolicyRemark]:
    return list(lint_policy(network_id=network.pk, now=now))


def test_a_sound_policy_has_no_remarks(small: Network) -> None:
    now = timezone.now()
    rule(small, now)
    assert remarks(small, now) == []


def test_access_that_ends_soon_is_warned_of_with_the_instant(small: Network) -> None:
    now = timezone.now()
    ends = now + SOON
    made = rule(small, now, schedule={"expires_at": ends.isoformat()}, name="visit")
    [remark] = remarks(small, now)
    assert (remark.finding, remark.position, remark.rule_id, remark.at) == ("ends_soon", 1, made.pk, ends)


def test_access_that_ends_later_is_not_warned_of_yet(small: Network) -> None:
    now = timezone.now()
    rule(small, now, schedule={"expires_at": (now + SOON + timedelta(seconds=1)).isoformat()})
    assert remarks(small, now) == []


def test_access_that_ends_within_the_hour_is_warned_of_once(small: Network) -> None:
    now = timezone.now()
    rule(small, now, schedule={"expires_at": (now + timedelta(hours=1)).isoformat()})
    assert [item.finding for item in remarks(small, now)] == ["ends_soon"]


def test_access_that_has_ended_is_said_to_be_kept(small: Network) -> None:
    now = timezone.now()
    ends = now + timedelta(hours=1)
    rule(small, now, schedule={"expires_at": ends.isoformat()})
    write_boundary(network_id=small.pk, now=ends)
    [remark] = remarks(small, ends)
    assert (remark.finding, remark.at) == ("expired", ends)
    assert "kept, switched off" in remark.message


def test_a_rule_that_is_off_does_not_end(small: Network) -> None:
    now = timezone.now()
    rule(small, now, schedule={"expires_at": (now + timedelta(hours=1)).isoformat()}, enabled=False)
    assert remarks(small, now) == []


def test_what_an_accept_names_may_vanish_and_is_then_remarked_on(small: Network) -> None:
    now = timezone.now()
    rule(small, now)
    delete_node(node_id=2, cause=Cause.command(), now=now)
    assert [item.finding for item in remarks(small, now)] == ["matches_nothing"]


def test_remarks_over_the_api_say_names(small: Network) -> None:
    now = timezone.now()
    rule(small, now, sources=["user:u3@example.com"])
    response = caller("auditor")("get", "policy/lint")
    assert response.status_code == 200, response.content
    [remark] = response.json()["remarks"]
    assert (remark["finding"], remark["position"], remark["selector"]) == (
        "matches_nothing",
        1,
        "user:u3@example.com",
    )
    assert "user:u3@example.com" in remark["message"]
