"""Rules, groups, named hosts and tags: written as people write selectors, and in force at once."""

from __future__ import annotations

from typing import Any

import pytest

from sessions_app.models import User
from tests.admin_api.api import Api, faults, refusal
from tests.fixtures import Join


@pytest.fixture
def ssh(ana: User, ben: User, join: Join) -> dict[str, Any]:
    """A rule that is to let Ben's laptop reach Ana's server."""
    join(ana, "server")
    join(ben, "laptop")
    return {"name": "ssh", "sources": ["user:ben@example.com"], "destinations": ["node:server"], "ports": ["22"]}


def test_a_rule_reads_as_it_was_written(api: Api, ssh: dict[str, Any]) -> None:
    wanted = ssh | {"action": "deny", "protocols": ["tcp", "47"], "ports": ["22", "8000-8999"], "comment": "a\nb"}
    made = api.post("acl/rules", wanted, 201)
    expected = wanted | {"protocols": ["tcp", "gre"], "enabled": True, "position": 2}
    assert {name: made[name] for name in expected} == expected
    assert api.get(f"acl/rules/{made['id']}") == made


def test_a_rule_is_in_force_when_the_call_answers(api: Api, ssh: dict[str, Any], ben: User, join: Join) -> None:
    phone = join(ben, "phone")
    assert phone.peer_names() == ["laptop"]
    rule = api.post("acl/rules", ssh, 201)
    assert phone.peer_names() == ["laptop", "server"]
    api.patch(f"acl/rules/{rule['id']}", {"enabled": False})
    assert phone.peer_names() == ["laptop"]
    api.patch(f"acl/rules/{rule['id']}", {"enabled": True})
    api.delete(f"acl/rules/{rule['id']}")
    assert phone.peer_names() == ["laptop"]


def test_rules_stand_in_order_and_move(api: Api, ssh: dict[str, Any]) -> None:
    last = api.post("acl/rules", ssh | {"name": "last"}, 201)
    first = api.post("acl/rules", ssh | {"name": "first", "position": 1}, 201)
    assert api.names("acl/rules") == ["first", "own devices", "last"]
    assert api.post(f"acl/rules/{last['id']}/move", {"position": 1})["position"] == 1
    assert api.post(f"acl/rules/{first['id']}/move", {"position": 10_000})["position"] == 3
    assert api.names("acl/rules") == ["last", "own devices", "first"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"sources": ["user:nobody"]}, "sources.0"),
        ({"sources": ["*", "group:none"]}, "sources.1"),
        ({"sources": []}, "sources"),
        ({"sources": "user:ben@example.com"}, "sources"),
        ({"sources": ["autogroup:self"]}, "sources.0"),
        ({"destinations": ["nonsense"]}, "destinations.0"),
        ({"protocols": ["tcp", "256"]}, "protocols.1"),
        ({"protocols": [6]}, "protocols.0"),
        ({"ports": ["65536"]}, "ports"),
        ({"action": "allow"}, "action"),
        ({"enabled": 1}, "enabled"),
        ({"name": "a" * 101}, "name"),
        ({"comment": "a" * 1025}, "comment"),
        ({"position": 0}, "position"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named(api: Api, ssh: dict[str, Any], change: Any, fault: str) -> None:
    assert faults(api("POST", "acl/rules", ssh | change)) == [fault]


def test_a_rule_that_is_refused_is_not_there(api: Api) -> None:
    assert faults(api("POST", "acl/rules", {"sources": ["*"], "destinations": ["tag:none"]})) == ["destinations.0"]
    assert api.names("acl/rules") == ["own devices"]


def test_a_group_of_users_and_groups(api: Api, ana: User, ben: User) -> None:
    ops = api.post("acl/groups", {"name": "ops", "users": [ben.pk, ana.pk], "comment": "On call."}, 201)
    assert (ops["users"], ops["subgroups"], ops["comment"]) == ([ana.pk, ben.pk], [], "On call.")
    staff = api.post("acl/groups", {"name": "staff", "subgroups": [ops["id"]]}, 201)
    assert (staff["users"], staff["subgroups"]) == ([], [ops["id"]])
    assert api.patch(f"acl/groups/{ops['id']}", {"users": [ana.pk]})["comment"] == "On call."
    assert api.patch(f"acl/groups/{ops['id']}", {"comment": ""})["users"] == [ana.pk]
    assert api.names("acl/groups") == ["ops", "staff"]
    api.delete(f"acl/groups/{staff['id']}")
    assert refusal(api("GET", f"acl/groups/{staff['id']}")) == (404, "not_found")


def test_groups_hold_no_circle(api: Api) -> None:
    first = api.post("acl/groups", {"name": "one"}, 201)
    second = api.post("acl/groups", {"name": "two", "subgroups": [first["id"]]}, 201)
    response = api("PATCH", f"acl/groups/{first['id']}", {"subgroups": [second["id"]]})
    assert refusal(response) == (400, "validation")


@pytest.mark.parametrize(
    ("noun", "body", "fault"),
    [
        ("groups", {"name": "a b"}, "name"),
        ("groups", {"name": "ops", "users": [999_999]}, "users"),
        ("groups", {"name": "ops", "users": ["ana"]}, "users.0"),
        ("groups", {"name": "ops", "subgroups": [999_999]}, "subgroups"),
        ("hosts", {"name": "a b", "prefix": "192.0.2.1"}, "name"),
        ("hosts", {"name": "db", "prefix": "nonsense"}, "prefix"),
        ("hosts", {"name": "db"}, "prefix"),
        ("tags", {"tag": "tag:"}, "tag"),
        ("tags", {"tag": "tag:db", "owners": ["group:none"]}, "owners.0"),
        ("tags", {"tag": "tag:db", "owners": ["192.0.2.1"]}, "owners.0"),
    ],
)
def test_what_is_wrong_is_named(api: Api, noun: str, body: Any, fault: str) -> None:
    assert faults(api("POST", f"acl/{noun}", body)) == [fault]


@pytest.mark.parametrize(
    ("noun", "body"),
    [
        ("groups", {"name": "ops"}),
        ("hosts", {"name": "db", "prefix": "192.0.2.1"}),
        ("tags", {"tag": "tag:db"}),
    ],
)
def test_a_name_that_is_taken_is_a_conflict(api: Api, noun: str, body: Any) -> None:
    api.post(f"acl/{noun}", body, 201)
    assert refusal(api("POST", f"acl/{noun}", body)) == (409, "conflict")


def test_a_named_host(api: Api) -> None:
    made = api.post("acl/hosts", {"name": "db", "prefix": "192.0.2.1"}, 201)
    assert made == {"id": made["id"], "name": "db", "prefix": "192.0.2.1", "comment": ""}
    assert api.patch(f"acl/hosts/{made['id']}", {"prefix": "192.0.2.0/24"})["prefix"] == "192.0.2.0/24"
    assert faults(api("PATCH", f"acl/hosts/{made['id']}", {"name": "other"})) == ["name"]
    api.delete(f"acl/hosts/{made['id']}")


def test_a_tag_and_who_owns_it(api: Api, ana: User) -> None:
    api.post("acl/groups", {"name": "ops"}, 201)
    made = api.post("acl/tags", {"tag": "tag:db", "owners": ["user:ana@example.com", "group:ops"]}, 201)
    assert (made["tag"], made["owners"]) == ("tag:db", ["user:ana@example.com", "group:ops"])
    assert api.patch(f"acl/tags/{made['id']}", {"comment": "Databases."})["owners"] == made["owners"]


def test_an_owner_that_has_vanished_does_not_stand_in_the_way(api: Api, ana: User) -> None:
    ops = api.post("acl/groups", {"name": "ops"}, 201)
    made = api.post("acl/tags", {"tag": "tag:db", "owners": ["user:ana@example.com", "group:ops"]}, 201)
    api.delete(f"acl/groups/{ops['id']}")
    assert api.patch(f"acl/tags/{made['id']}", {"comment": "Databases."})["owners"] == ["user:ana@example.com"]
