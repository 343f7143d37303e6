"""People: created, changed and disabled, and owners by owners alone."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.models import Network, Node
from sessions_app.models import User
from tests.admin_api.api import Api, api_of, faults, refusal
from tests.fixtures import Join


def test_a_new_person(api: Api) -> None:
    wanted = {
        "login": "eve@example.com",
        "display_name": "Eve",
        "email": "eve@example.com",
        "picture_url": "https://example.com/eve.png",
        "role": "support",
    }
    made = api.post("users", wanted | {"password": "correct horse battery staple"}, 201)
    assert {name: made[name] for name in wanted} == wanted
    assert made["is_active"] is True
    assert api.get(f"users/{made['id']}") == made
    assert User.objects.get(pk=made["id"]).check_password("correct horse battery staple")


def test_without_a_password_nobody_logs_in_as_it(api: Api) -> None:
    made = api.post("users", {"login": "Eve@Example.com"}, 201)
    assert (made["login"], made["role"]) == ("eve@example.com", "member")
    assert not User.objects.get(pk=made["id"]).has_usable_password()


def test_a_login_that_is_taken_is_a_conflict(api: Api, ana: User) -> None:
    assert refusal(api("POST", "users", {"login": "ana@example.com"})) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, "login"),
        ({"login": "no spaces"}, "login"),
        ({"login": "a" * 151}, "login"),
        ({"login": "eve", "role": "king"}, "role"),
        ({"login": "eve", "password": "short"}, "password"),
        ({"login": "eve", "password": "a" * 257}, "password"),
        ({"login": "eve", "email": "nonsense"}, "email"),
        ({"login": "eve", "email": 7}, "email"),
        ({"login": "eve", "picture_url": "javascript:alert(1)"}, "picture_url"),
        ({"login": "eve", "picture_url": "ftp://example.com/a.png"}, "picture_url"),
        ({"login": "eve", "is_superuser": True}, "is_superuser"),
        ({"login": "eve", "display_name": "a\u0007"}, "display_name"),
    ],
)
def test_what_is_wrong_with_a_person_is_named(api: Api, body: Any, fault: str) -> None:
    assert set(faults(api("POST", "users", body))) == {fault}


def test_a_person_changes_in_part(api: Api, ana: User) -> None:
    changed = api.patch(f"users/{ana.pk}", {"display_name": "Ana", "role": "auditor"})
    assert (changed["display_name"], changed["role"], changed["login"]) == ("Ana", "auditor", "ana@example.com")


def test_an_edit_that_fails_in_part_changes_nothing(api: Api, ana: User) -> None:
    assert faults(api("PATCH", f"users/{ana.pk}", {"display_name": "Ana", "password": "12345"}))
    assert api.get(f"users/{ana.pk}")["display_name"] == ""


def test_a_new_password(api: Api, ana: User) -> None:
    api.patch(f"users/{ana.pk}", {"password": "correct horse battery staple"})
    ana.refresh_from_db()
    assert ana.check_password("correct horse battery staple")


def test_a_login_stays(api: Api, ana: User) -> None:
    assert faults(api("PATCH", f"users/{ana.pk}", {"login": "eve"})) == ["login"]


def test_a_disabled_person_and_its_machines_are_cut_until_it_is_enabled(api: Api, ana: User, join: Join) -> None:
    web = join(ana, "web")
    assert api.post(f"users/{ana.pk}/disable")["is_active"] is False
    assert web.call("GET", "netmap").status_code == 403
    assert api.post(f"users/{ana.pk}/enable")["is_active"] is True
    assert web.new_session().status_code == 201


@pytest.mark.parametrize("path", ["users/{}/disable", "users/{}/enable"])
def test_nobody_disables_who_does_not_exist(api: Api, path: str) -> None:
    assert refusal(api("POST", path.format(999_999))) == (404, "not_found")


def test_the_last_owner_stays_one(api: Api) -> None:
    assert api.user is not None
    assert refusal(api("POST", f"users/{api.user.pk}/disable")) == (409, "conflict")
    assert refusal(api("PATCH", f"users/{api.user.pk}", {"role": "admin"})) == (409, "conflict")


@pytest.fixture
def admin(network: Network) -> Api:
    return api_of("admin")


def test_an_admin_makes_no_owner(admin: Api, ana: User) -> None:
    assert refusal(admin("POST", "users", {"login": "eve", "role": "owner"})) == (403, "permission")
    assert refusal(admin("PATCH", f"users/{ana.pk}", {"role": "owner"})) == (403, "permission")
    assert admin.user is not None
    assert refusal(admin("PATCH", f"users/{admin.user.pk}", {"role": "owner"})) == (403, "permission")


@pytest.mark.parametrize(
    "body", [{"password": "correct horse battery staple"}, {"role": "member"}, {"email": "a@b.co"}]
)
def test_an_admin_changes_no_owner(api: Api, admin: Api, body: Any) -> None:
    assert api.user is not None
    assert refusal(admin("PATCH", f"users/{api.user.pk}", body)) == (403, "permission")
    assert refusal(admin("POST", f"users/{api.user.pk}/disable")) == (403, "permission")
    assert refusal(admin("DELETE", f"users/{api.user.pk}")) == (403, "permission")


def test_an_owner_makes_owners(api: Api, ana: User) -> None:
    assert api.patch(f"users/{ana.pk}", {"role": "owner"})["role"] == "owner"


def test_filters(api: Api, ana: User, ben: User) -> None:
    api.patch(f"users/{ben.pk}", {"role": "support", "display_name": "Benjamin"})
    api.post(f"users/{ana.pk}/disable")
    assert api.names("users?q=JAMIN", "login") == ["ben@example.com"]
    assert api.names("users?role=support", "login") == ["ben@example.com"]
    assert api.names("users?active=false", "login") == ["ana@example.com"]
    assert api.names("users?login=ANA@example.com", "login") == ["ana@example.com"]


def test_people_belong_to_no_network(api: Api) -> None:
    assert faults(api("GET", "users?network=default")) == ["network"]


# --- what becomes of the machines


def test_a_person_with_machines_is_not_deleted_by_the_way(api: Api, join: Join, ana: User) -> None:
    join(ana, "web")
    assert refusal(api("DELETE", f"users/{ana.pk}")) == (409, "conflict")
    assert refusal(api("DELETE", f"users/{ana.pk}?nodes=refuse")) == (409, "conflict")
    assert Node.objects.get().owner == ana


def test_deleted_with_the_machines(api: Api, join: Join, ana: User) -> None:
    join(ana, "web")
    api.delete(f"users/{ana.pk}?nodes=delete")
    assert refusal(api("GET", f"users/{ana.pk}")) == (404, "not_found")
    assert not Node.objects.exists()


def test_deleted_and_the_machines_given_away(api: Api, join: Join, ana: User, ben: User) -> None:
    join(ana, "web")
    api.delete(f"users/{ana.pk}?nodes=give&heir={ben.pk}")
    assert Node.objects.get().owner == ben


def test_disabled_and_the_machines_given_away(api: Api, join: Join, ana: User, ben: User) -> None:
    join(ana, "web")
    assert api.post(f"users/{ana.pk}/disable?nodes=give&heir={ben.pk}")["is_active"] is False
    assert Node.objects.get().owner == ben


@pytest.mark.parametrize(
    ("query", "fault"),
    [("nodes=keep", "nodes"), ("nodes=give", "heir"), ("heir=1", "heir"), ("nodes=give&heir=99999", "heir")],
)
def test_what_makes_no_sense_of_a_deletion(api: Api, ana: User, query: str, fault: str) -> None:
    assert faults(api("DELETE", f"users/{ana.pk}?{query}")) == [fault]


def test_a_machine_is_given_to_a_person(api: Api, join: Join, ana: User, ben: User) -> None:
    node = join(ana, "web").node
    assert api.patch(f"nodes/{node.pk}", {"user": ben.pk})["user"] == ben.pk
    assert faults(api("PATCH", f"nodes/{node.pk}", {"user": 99999})) == ["user"]
    assert faults(api("PATCH", f"nodes/{node.pk}", {"user": ana.pk, "tags": ["tag:web"]})) == ["user"]
