"""Operating system and agent version after an upgrade: heartbeats report them within the posture."""

from __future__ import annotations

from typing import Any

import pytest

from acl.models import AclRule
from acl.services.rules import create_rule
from agent.facts import posture_facts
from mesh.change import Cause
from nodes.models import Change, Network, Node
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import START, Clock, Join, KeyOf

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}
OLD = {"os": "linux", "os_version": "11", "agent_version": "1.0.0"}
NEW = {"os": "linux", "os_version": "12", "agent_version": "1.2.0"}


@pytest.fixture
def web(join: Join, ana: User) -> Machine:
    return join(ana, "web", **OLD)


def system(node: Node) -> dict[str, str]:
    return {"os": node.os, "os_version": node.os_version, "agent_version": node.agent_version}


def test_a_posture_with_system_facts_brings_the_columns_up_to_date(web: Machine) -> None:
    assert web.heartbeat(posture=NEW | {"disk": True}).status_code == 200
    assert system(web.node) == NEW
    assert web.node.posture == NEW | {"disk": True}
    change = Change.objects.latest("version")
    told = change.facts["nodes"][0]
    assert (change.kind, {name: told[name] for name in NEW}) == ("nodes", NEW)


def test_a_condition_on_the_agent_version_judges_by_what_a_heartbeat_said(
    network: Network, web: Machine, join: Join, ana: User
) -> None:
    AclRule.objects.all().delete()
    peer = join(ana, "peer", agent_version="1.0.0")
    between = {"sources": ["node:web"], "destinations": ["node:peer"]}
    fields = {"action": "accept", "conditions": [{"agent_version": "1.2"}]} | between
    create_rule(network_id=network.pk, fields=fields, **ACT)
    assert peer.peer_names() == []
    web.heartbeat(posture=NEW)
    assert peer.peer_names() == ["web"]


def test_a_posture_without_them_leaves_the_columns(web: Machine) -> None:
    web.heartbeat(posture={"disk": True})
    assert (system(web.node), web.node.posture) == (OLD, {"disk": True})


def test_the_same_again_writes_nothing(network: Network, web: Machine, clock: Clock) -> None:
    web.heartbeat(posture=NEW)
    before = Network.objects.get().map_version
    clock.advance(seconds=1)
    assert web.heartbeat(posture=NEW).status_code == 200
    assert Network.objects.get().map_version == before


def test_members_of_a_registration_go_before_attributes_and_both_stay_one(
    web: Machine, key_of: KeyOf, ana: User, clock: Clock
) -> None:
    web.heartbeat(posture=OLD)
    clock.advance(seconds=60)
    assert web.register(key_of(ana), agent_version="2.0.0").status_code == 200
    assert (web.node.agent_version, web.node.posture["agent_version"]) == ("2.0.0", "2.0.0")
    assert web.register(key_of(ana), agent_version="3.0.0", posture=NEW).status_code == 200
    assert (system(web.node), web.node.posture) == (NEW | {"agent_version": "3.0.0"},) * 2
    # What a heartbeat says then is news.
    assert web.heartbeat(posture=NEW).status_code == 200
    assert system(web.node) == NEW


@pytest.mark.parametrize(
    "fault",
    [{"os": 5}, {"os": True}, {"os": "x" * 65}, {"os_version": "x" * 129}, {"agent_version": "x" * 65}, {"os": "a\nb"}],
)
def test_they_are_short_texts(web: Machine, fault: dict[str, Any]) -> None:
    response = web.heartbeat(posture=NEW | fault)
    assert response.status_code == 400
    assert [item["field"] for item in response.json()["errors"]] == [f"posture.{next(iter(fault))}"]
    assert (system(web.node), web.node.posture) == (OLD, {})


def test_the_agents_own_posture_is_taken(web: Machine) -> None:
    assert web.heartbeat(posture=posture_facts()).status_code == 200
    assert system(web.node) == {name: posture_facts()[name] for name in OLD}
