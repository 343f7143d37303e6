"""Nodes: what a list and a page say, what may be changed, and what is cut."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from coordinator import acknowledgements
from coordinator.acknowledgements import RedisAcknowledgements
from coordinator.admin_api import health
from mesh.change import Cause
from nodes.models import Change, Network, Node, RetiredKey
from nodes.presence import RedisPresence
from nodes.shared_redis import redis_client
from sessions_app.models import User
from tests.admin_api.api import Api, api_for, faults, refusal
from tests.agents import Machine
from tests.fixtures import Clock, Join


@pytest.fixture
def web(clock: Clock, ana: User, join: Join) -> Machine:
    return join(
        ana,
        "web",
        os="linux",
        posture={"disk_encrypted": True, "score": 3.5},
        endpoints=["203.0.113.9:51820"],
        routes=["192.168.7.0/24"],
    )


def test_a_node_says_all_that_is_known_of_it(api: Api, web: Machine, ana: User) -> None:
    web.heartbeat()
    found = api.get(f"nodes/{web.node.pk}")
    assert {name: found[name] for name in ("name", "fqdn", "network", "user", "user_login", "tags", "state")} == {
        "name": "web",
        "fqdn": "web.mycompany.ghost",
        "network": "default",
        "user": ana.pk,
        "user_login": "ana@example.com",
        "tags": [],
        "state": "active",
    }
    assert (found["ipv4"], found["ipv6"]) == ("10.1.0.2", "fd01:203:405::2")
    assert found["endpoints"] == ["203.0.113.9:51820"]
    assert found["routes"] == [{"prefix": "192.168.7.0/24", "advertised": True, "approved": False, "primary": False}]
    assert found["posture"] == {"disk_encrypted": True, "score": 3.5}
    assert found["public_key"] == web.public_key


def test_the_list_has_the_same_shape(api: Api, web: Machine) -> None:
    assert api.get("nodes") == {"results": [api.get(f"nodes/{web.node.pk}")], "next": None}


def test_a_node_that_was_never_heard_waits(api: Api, web: Machine) -> None:
    found = api.get(f"nodes/{web.node.pk}")
    assert found["status"] == "waiting"
    assert found["health"] == {
        "is_online": False,
        "last_seen": None,
        "time_since_last_heartbeat": None,
        "consecutive_misses": 0,
        "in_grace_period": False,
    }


def test_health_follows_the_heartbeats(api: Api, web: Machine, clock: Clock) -> None:
    from coordinator.arrivals import ARRIVALS

    web.heartbeat()
    ARRIVALS.flush(clock.at)
    assert api.get(f"nodes/{web.node.pk}")["status"] == "online"
    clock.advance(seconds=61)
    late = api.get(f"nodes/{web.node.pk}")
    assert (late["status"], late["health"]["in_grace_period"]) == ("late", True)
    assert (late["health"]["consecutive_misses"], late["health"]["time_since_last_heartbeat"]) == (2, 61.0)
    clock.advance(seconds=60)
    assert api.get(f"nodes/{web.node.pk}")["status"] == "offline"


def test_a_node_that_is_known_to_be_offline_stays_so_after_a_restart(api: Api, web: Machine) -> None:
    Node.objects.filter(pk=web.node.pk).update(online=False, last_seen="2026-03-01T12:00:00Z")
    assert api.get(f"nodes/{web.node.pk}")["status"] == "offline"


@pytest.mark.parametrize(("action", "status"), [("disable", "disabled"), ("expire", "expired")])
def test_what_is_cut_off_says_so(api: Api, web: Machine, action: str, status: str) -> None:
    assert api.post(f"nodes/{web.node.pk}/{action}")["status"] == status
    assert web.call("GET", "netmap").status_code == 403


def test_one_or_all_are_told_to_make_new_keys(api: Api, web: Machine) -> None:
    assert api.post("nodes/rotate-keys", status=200) == {"requested": 1}
    assert api.post(f"nodes/{web.node.pk}/rotate-key", status=200)["rotate_requested_at"] is not None
    assert api.post("nodes/rotate-keys", status=200) == {"requested": 0}


def test_a_disabled_node_comes_back(api: Api, web: Machine) -> None:
    api.post(f"nodes/{web.node.pk}/disable")
    assert api.post(f"nodes/{web.node.pk}/enable")["state"] == "active"


def test_only_what_is_disabled_can_be_enabled(api: Api, web: Machine) -> None:
    assert refusal(api("POST", f"nodes/{web.node.pk}/enable")) == (409, "conflict")


def test_name_tags_and_addresses_change_together(api: Api, web: Machine) -> None:
    wanted = {"name": "db", "tags": ["tag:db"], "ipv4": "10.1.0.77", "ipv6": "fd01:203:405::77"}
    found = api.patch(f"nodes/{web.node.pk}", wanted)
    assert {name: found[name] for name in wanted} == wanted
    assert (found["user"], found["user_login"], found["status"]) == (None, None, "login")


def test_an_edit_that_fails_in_part_changes_nothing(api: Api, web: Machine) -> None:
    assert faults(api("PATCH", f"nodes/{web.node.pk}", {"name": "db", "ipv4": "192.0.2.1"})) == ["ipv4"]
    assert api.get(f"nodes/{web.node.pk}")["name"] == "web"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"name": "-bad-"}, "name"),
        ({"tags": ["db"]}, "tags.0"),
        ({"tags": []}, "tags"),
        ({"ipv4": "10.1.0.1"}, "ipv4"),
        ({"ipv4": "fd01:203:405::9"}, "ipv4"),
        ({"ipv6": "10.1.0.9"}, "ipv6"),
        ({"ipv4": None}, "ipv4"),
        ({"state": "disabled"}, "state"),
    ],
)
def test_what_is_wrong_with_an_edit_is_named(api: Api, web: Machine, body: Any, fault: str) -> None:
    assert faults(api("PATCH", f"nodes/{web.node.pk}", body)) == [fault]


def test_a_name_and_an_address_that_are_taken_are_conflicts(api: Api, web: Machine, ana: User, join: Join) -> None:
    join(ana, "db")
    assert refusal(api("PATCH", f"nodes/{web.node.pk}", {"name": "db"})) == (409, "conflict")
    assert refusal(api("PATCH", f"nodes/{web.node.pk}", {"ipv4": "10.1.0.3"})) == (409, "conflict")


def test_a_change_names_the_person_who_made_it(api: Api, web: Machine) -> None:
    response = api("PATCH", f"nodes/{web.node.pk}", {"name": "db"}, X_Request_Id="deploy-2026-11")
    assert response.status_code == 200
    change = Change.objects.order_by("-version")[0]
    assert api.user is not None
    assert (change.actor, change.origin, change.request_id) == (
        Cause.user(api.user.pk).actor,
        "127.0.0.1",
        "deploy-2026-11",
    )


def test_a_deleted_node_is_gone_and_its_key_is_refused_until_released(
    api: Api, web: Machine, ana: User, key_of: Any
) -> None:
    node_id = web.node.pk
    api.delete(f"nodes/{node_id}")
    assert refusal(api("GET", f"nodes/{node_id}")) == (404, "not_found")
    assert web.register(key_of(ana)).status_code == 403
    [retired] = api.get("retired-keys")["results"]
    assert (retired["public_key"], retired["node_was"], retired["node_name_was"]) == (web.public_key, node_id, "web")
    api.delete(f"retired-keys/{retired['id']}")
    assert not RetiredKey.objects.exists()
    assert web.register(key_of(ana)).status_code == 201


def test_routes_are_approved_and_withdrawn(api: Api, web: Machine) -> None:
    [approved] = api.post(f"nodes/{web.node.pk}/routes/approve", {"prefixes": ["192.168.7.0/24"]})["routes"]
    assert (approved["approved"], approved["primary"]) == (True, True)
    [withdrawn] = api.post(f"nodes/{web.node.pk}/routes/withdraw", {"prefixes": ["192.168.7.0/24"]})["routes"]
    assert (withdrawn["approved"], withdrawn["primary"]) == (False, False)


def test_a_route_that_a_node_does_not_advertise_is_not_found(api: Api, web: Machine) -> None:
    response = api("POST", f"nodes/{web.node.pk}/routes/approve", {"prefixes": ["192.168.8.0/24"]})
    assert refusal(response) == (404, "not_found")


def test_its_map_is_the_very_map_that_it_gets(api: Api, web: Machine, ana: User, join: Join) -> None:
    join(ana, "laptop")
    seen = web.call("GET", "netmap").content
    assert api("GET", f"nodes/{web.node.pk}/netmap").content == seen
    assert [peer["name"] for peer in orjson.loads(seen)["peers"]] == ["laptop"]


def test_a_node_that_takes_no_part_has_no_map(api: Api, web: Machine) -> None:
    api.post(f"nodes/{web.node.pk}/disable")
    assert refusal(api("GET", f"nodes/{web.node.pk}/netmap")) == (404, "not_found")


@pytest.fixture
def fleet(network: Network, ana: User, ben: User, join: Join) -> None:
    join(ana, "web", os="linux")
    join(ben, "laptop", os="darwin")
    join(None, "db", os="linux", tags=["tag:db"])


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=e", ["web"]),
        ("q=AP", ["laptop"]),
        ("name=db", ["db"]),
        ("state=active", ["web", "laptop", "db"]),
        ("state=disabled", []),
        ("online=false", ["web", "laptop", "db"]),
        ("online=true", []),
        ("user=ana@example.com", ["web"]),
        ("user=Ben@Example.com", ["laptop"]),
        ("user=nobody@example.com", []),
        ("tag=tag:db", ["db"]),
        ("os=linux", ["web", "db"]),
        ("address=10.1.0.3", ["laptop"]),
        ("address=10.1.0.2/31", ["web", "laptop"]),
        ("address=fd01:203:405::/48", ["web", "laptop", "db"]),
        ("address=::/0", ["web", "laptop", "db"]),
        ("address=192.0.2.0/24", []),
        ("os=linux&user=ana@example.com&q=web", ["web"]),
    ],
)
def test_filters(api: Api, query: str, names: list[str]) -> None:
    assert api.names(f"nodes?{query}") == names


@pytest.mark.usefixtures("fleet")
def test_owner_by_id_and_key(api: Api, ana: User) -> None:
    assert api.names(f"nodes?user={ana.pk}") == ["web"]
    key = Node.objects.get(name="laptop").public_key.replace("+", "%2B")
    assert api.names(f"nodes?public_key={key}") == ["laptop"]


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("state=gone", "state"),
        ("online=yes", "online"),
        ("online=True", "online"),
        ("address=nonsense", "address"),
        ("address=10.1.0.2/8", "address"),
        ("stat=active", "stat"),
        ("q=%00", "q"),
        ("q=" + "a" * 101, "q"),
        ("q=", "q"),
        ("name=a&name=b", "name"),
    ],
)
def test_a_query_is_read_strictly(api: Api, query: str, fault: str) -> None:
    assert faults(api("GET", f"nodes?{query}")) == [fault]


@pytest.mark.usefixtures("fleet")
def test_a_member_knows_of_its_own_devices_alone(ana: User) -> None:
    own = api_for(ana)
    assert own.names("nodes") == ["web"]
    mine, other = Node.objects.get(name="web"), Node.objects.get(name="laptop")
    assert own.get(f"nodes/{mine.pk}")["name"] == "web"
    assert own.get(f"nodes/{mine.pk}/netmap")["node"]["name"] == "web"
    assert own.names("sessions", "node_name") == ["web"]
    assert refusal(own("GET", f"nodes/{other.pk}")) == (404, "not_found")
    assert refusal(own("GET", f"nodes/{other.pk}/netmap")) == (404, "not_found")
    assert refusal(own("DELETE", f"nodes/{mine.pk}")) == (403, "permission")


def test_a_change_is_answered_while_the_presence_store_is_away(
    api: Api, web: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.heartbeat()
    monkeypatch.setattr(health, "presence_store", lambda: RedisPresence(redis_client("redis://127.0.0.1:1")))
    monkeypatch.setattr(
        acknowledgements, "acknowledgement_store", lambda: RedisAcknowledgements(redis_client("redis://127.0.0.1:1"))
    )
    found = api.patch(f"nodes/{web.node.pk}", {"name": "renamed"})
    assert (found["name"], found["health"]["consecutive_misses"]) == ("renamed", 0)
