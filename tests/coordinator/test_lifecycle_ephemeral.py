"""Ephemeral nodes: when they go, and when they stay."""

from __future__ import annotations

from typing import Any

import pytest

from acl.services.rules import create_rule
from coordinator import lifecycle
from coordinator.lifecycle import (
    remove_ephemeral_nodes,
)
from mesh.change import Cause
from nodes.changes import lock_node
from nodes.models import Change, Network, Node, RetiredKey
from nodes.services.presence import mark_online
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import START, Clock, Join

pytestmark = pytest.mark.usefixtures("clock")
CAUSE = Cause.user(7, origin="192.0.2.9", request_id="request-1")
ACT: dict[str, Any] = {"cause": CAUSE, "now": START}


def last_change() -> Change:
    return Change.objects.latest("version")


def deny(network: Network, **sides: list[str]) -> None:
    fields = {"action": "deny", "sources": ["*"], "destinations": ["*"]} | sides
    create_rule(network_id=network.pk, fields=fields, **ACT)


# --- ephemeral nodes


@pytest.fixture
def web(join: Join, ana: User) -> Machine:
    return join(ana, "web")


@pytest.fixture
def job(join: Join, ana: User) -> Machine:
    """An ephemeral machine."""
    machine = join(ana, "job")
    Node.objects.filter(pk=machine.node.pk).update(ephemeral=True)
    return machine


@pytest.mark.parametrize("ever_seen", [False, True])
def test_ephemeral_nodes_go_half_an_hour_after_they_were_heard(
    job: Machine, web: Machine, clock: Clock, ever_seen: bool
) -> None:
    if ever_seen:
        clock.advance(hours=1)
        Node.objects.filter(pk=job.node.pk).update(last_seen=clock.at)
    assert remove_ephemeral_nodes(now=clock.advance(minutes=30, seconds=-1)) == 0
    assert remove_ephemeral_nodes(now=clock.advance(seconds=1)) == 1
    assert list(Node.objects.values_list("name", flat=True)) == ["web"]
    assert last_change().actor == "system:ephemeral"
    assert not RetiredKey.objects.exists()


def test_ephemeral_nodes_that_are_online_stay(job: Machine, clock: Clock) -> None:
    mark_online(network_id=job.node.network_id, node_ids=[job.node.pk], **ACT)
    assert remove_ephemeral_nodes(now=clock.advance(hours=9)) == 0


def test_an_ephemeral_node_that_came_back_just_now_stays(
    job: Machine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.advance(hours=1)

    def slow_lock(node_id: int) -> Any:
        mark_online(network_id=job.node.network_id, node_ids=[node_id], cause=CAUSE, now=now)
        return lock_node(node_id)

    monkeypatch.setattr(lifecycle, "lock_node", slow_lock)
    assert remove_ephemeral_nodes(now=now) == 0
    assert Node.objects.filter(pk=job.node.pk).exists()


def test_an_ephemeral_node_that_a_deny_rule_names_stays_and_others_go(
    network: Network, job: Machine, join: Join, ana: User, clock: Clock
) -> None:
    deny(network, sources=["node:job"])
    Node.objects.filter(pk=join(ana, "job2").node.pk).update(ephemeral=True)
    assert remove_ephemeral_nodes(now=clock.advance(hours=1)) == 1
    assert Node.objects.get().name == "job"
