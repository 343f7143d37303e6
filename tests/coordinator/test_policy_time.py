"""Schedules, conditions and automatic approvals, as machines see them in their maps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from acl.models import AclRule, AutoApproval
from acl.services.apply import apply_policy
from acl.services.policy import activate_policy
from acl.services.rules import create_rule
from coordinator.lifecycle import delete_node, set_tags
from coordinator.replica import REPLICAS
from coordinator.tail import Tail
from mesh.change import Cause
from mesh.errors import ConflictError
from mesh.policy import Policy, RouteApprover, parse_prefix
from mesh.policy import selectors as s
from mesh.policy.schedule import format_instant
from nodes.changes import lock_network
from nodes.models import Change, Network, Node, Route
from sessions_app.models import User
from tests.agents import Machine
from tests.coordinator.policy_calls import caller
from tests.fixtures import START, Clock, Join, KeyOf

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}
BETWEEN = {"action": "accept", "sources": ["node:web"], "destinations": ["node:db"]}
SUBNET = "192.168.7.0/24"


@pytest.fixture
def web(join: Join, ana: User, ben: User) -> Machine:
    """Ana's machine; Ben's is ``db``."""
    join(ben, "db")
    return join(ana, "web")


def rule(network: Network, **fields: Any) -> AclRule:
    return create_rule(network_id=network.pk, fields=BETWEEN | fields, **ACT)


def peers(machine: Machine) -> list[str]:
    return sorted(peer["name"] for peer in machine.netmap()["peers"])


def test_a_window_opens_and_closes_at_its_boundaries_and_nowhere_else(
    network: Network, web: Machine, clock: Clock
) -> None:
    rule(network, schedule={"start": "13:00", "end": "14:00", "timezone": "UTC"})
    clock.advance(minutes=59, seconds=59)
    Tail().chores()
    assert peers(web) == []
    clock.advance(seconds=1)
    Tail().chores()
    assert peers(web) == ["db"]
    clock.advance(hours=1)
    Tail().chores()
    assert peers(web) == []


def test_a_map_depends_on_its_version_alone(network: Network, web: Machine, clock: Clock) -> None:
    """Until the boundary is written, no clock opens the window: neither for a worker that starts anew."""
    rule(network, schedule={"start": "13:00", "end": "14:00", "timezone": "UTC"})
    before = web.netmap()
    clock.advance(hours=1, minutes=5)
    REPLICAS.clear()
    assert web.netmap() == before
    Tail().chores()
    after = web.netmap()
    REPLICAS.clear()
    clock.advance(hours=3)
    assert web.netmap() == after
    assert [peer["name"] for peer in after["peers"]] == ["db"]


def test_a_boundary_is_one_change_with_many_workers(network: Network, web: Machine, clock: Clock) -> None:
    rule(network, schedule={"start": "13:00", "end": "14:00", "timezone": "UTC"})
    before = Network.objects.get(pk=network.pk).map_version
    clock.advance(hours=1)
    for _ in range(3):
        Tail().chores()
    assert Change.objects.filter(network=network, version__gt=before).count() == 1


def test_temporary_access_ends_and_the_rule_stays(network: Network, web: Machine, clock: Clock) -> None:
    made = rule(network, schedule={"expires_at": (START + timedelta(hours=2)).isoformat()})
    assert peers(web) == ["db"]
    clock.advance(hours=2)
    Tail().chores()
    assert peers(web) == []
    made.refresh_from_db()
    assert not made.enabled


def test_temporary_access_over_the_api_from_its_beginning_to_after_its_end(
    network: Network, web: Machine, clock: Clock
) -> None:
    call = caller("network_admin")
    begins, ends = START + timedelta(days=1), START + timedelta(days=9)
    schedule = {"not_before": begins.isoformat(), "expires_at": ends.isoformat()}
    made = call("post", "acl/rules", BETWEEN | {"name": "visit", "schedule": schedule}).json()

    def seen() -> tuple[str, bool, str | None, list[str]]:
        told = call("get", f"acl/rules/{made['id']}").json()
        remarks = call("get", "policy/lint").json()["remarks"]
        found = [item["finding"] for item in remarks if item["rule"] == made["id"]]
        return told["state"], told["enabled"], told["changes_at"], found

    assert seen() == ("waiting", True, format_instant(begins), [])
    clock.advance(days=1)
    Tail().chores()
    assert seen() == ("on", True, format_instant(ends), [])
    clock.advance(days=1)
    assert seen() == ("on", True, format_instant(ends), ["ends_soon"])
    clock.advance(days=7)
    Tail().chores()
    assert seen() == ("ended", False, None, ["expired"])


def test_a_condition_follows_what_a_node_reports(network: Network, web: Machine, clock: Clock) -> None:
    rule(network, conditions=[{"attribute": "disk", "equals": True}])
    assert peers(web) == []
    assert web.call("post", "heartbeat", {"posture": {"disk": True}}).status_code == 200
    assert peers(web) == ["db"]
    clock.advance(seconds=61)
    assert web.call("post", "heartbeat", {"posture": {"disk": False}}).status_code == 200
    assert peers(web) == []


def test_posture_is_weighed_once_a_minute(network: Network, web: Machine, clock: Clock) -> None:
    rule(network, conditions=[{"attribute": "disk", "equals": True}])
    web.call("post", "heartbeat", {"posture": {"disk": False}})
    clock.advance(seconds=5)
    assert web.call("post", "heartbeat", {"posture": {"disk": True}}).status_code == 429
    assert peers(web) == []


def test_a_report_that_came_too_soon_is_weighed_when_it_is_said_again(
    network: Network, web: Machine, clock: Clock
) -> None:
    """The limit refuses and says until when; trying meanwhile does not put it off, and the latest report counts."""
    rule(network, conditions=[{"attribute": "disk", "in": ["yes", "sealed"]}])
    assert web.call("post", "heartbeat", {"posture": {"disk": "yes"}}).status_code == 200
    for said, left in (("sealed", "50"), ("no", "40"), ("no", "30"), ("no", "20"), ("no", "10")):
        clock.advance(seconds=10)
        refused = web.call("post", "heartbeat", {"posture": {"disk": said}})
        assert (refused.status_code, refused["Retry-After"]) == (429, left)
        assert peers(web) == ["db"]
    clock.advance(seconds=10)
    assert web.call("post", "heartbeat", {"posture": {"disk": "no"}}).status_code == 200
    assert peers(web) == []


def test_what_a_node_says_as_it_registers_again_is_weighed_at_once(
    network: Network, web: Machine, key_of: KeyOf, ana: User
) -> None:
    """Operating system and version are facts of a registration."""
    rule(network, conditions=[{"os": ["linux"]}, {"agent_version": "1.2"}])
    for facts, seen in (
        ({"os": "linux", "agent_version": "1.1"}, []),
        ({"os": "linux", "agent_version": "1.2.1"}, ["db"]),
        ({"os": "windows", "agent_version": "1.3"}, []),
    ):
        assert web.register(key_of(ana), **facts).status_code == 200
        assert peers(web) == seen


@transaction.atomic
def put(network: Network, policy: Policy) -> None:
    locked = lock_network(network.pk)
    apply_policy(network=locked, policy=policy)
    activate_policy(network=locked, **ACT)


APPROVING = Policy(route_approvers=(RouteApprover(parse_prefix("192.168.0.0/16"), (s.tag("tag:router"),)),))


def own_routes(machine: Machine) -> list[tuple[str, bool]]:
    return [(route["prefix"], route["approved"]) for route in machine.netmap()["node"]["routes"]]


def test_a_route_is_approved_as_its_router_registers(network: Network, join: Join) -> None:
    put(network, APPROVING)
    router = join(None, "router", tags=["tag:router"], routes=[SUBNET])
    assert own_routes(router) == [(SUBNET, True)]
    assert AutoApproval.objects.count() == 1


def test_a_route_is_approved_as_it_is_put(network: Network, join: Join) -> None:
    put(network, APPROVING)
    router = join(None, "router", tags=["tag:router"])
    router.call("put", "routes", {"routes": [SUBNET, "10.99.0.0/16"]})
    assert sorted(own_routes(router)) == [("10.99.0.0/16", False), (SUBNET, True)]


def test_a_router_that_loses_its_tag_loses_its_routes(network: Network, join: Join) -> None:
    put(network, APPROVING)
    router = join(None, "router", tags=["tag:router"], routes=[SUBNET])
    set_tags(node_id=Node.objects.get(name="router").pk, tags=["tag:web"], **ACT)
    assert own_routes(router) == [(SUBNET, False)]
    assert not Route.objects.get().primary


def test_a_node_that_a_deny_names_is_deleted_by_force_alone_and_that_is_recorded(
    network: Network, web: Machine
) -> None:
    rule(network, action="deny", sources=["node:web"], destinations=["*"], name="no entry")
    node = Node.objects.get(name="web")
    with pytest.raises(ConflictError, match="“no entry”"):
        delete_node(node_id=node.pk, **ACT)
    assert web.call("delete", "nodes/self").status_code == 409
    delete_node(node_id=node.pk, forced=True, **ACT)
    change = Change.objects.filter(network=network).latest("version")
    assert change.facts["forced"] == ["web is denied something by “no entry”."]
