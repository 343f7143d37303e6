"""Auth keys, sessions and API tokens: shown once, listed without secrets, ended at once."""

from __future__ import annotations

import re
from typing import Any

import pytest

from nodes.models import Network
from sessions_app.models import ApiToken, AuthKey, User
from tests.admin_api.api import Api, api_for, api_of, faults, refusal
from tests.agents import Machine
from tests.fixtures import Clock, Join, KeyOf


def test_a_new_auth_key_lets_one_machine_in(api: Api) -> None:
    made = api.post("auth-keys", {"name": "laptops"}, 201)
    assert re.fullmatch(r"gwk_[A-Za-z0-9_-]{43}", made["key"])
    assert made["key"].startswith(made["hint"])
    assert (made["state"], made["reusable"], made["max_uses"], made["uses"]) == ("usable", False, 1, 0)
    assert Machine("web").register(made["key"]).status_code == 201
    assert api.get(f"auth-keys/{made['id']}")["state"] == "used_up"
    assert Machine("other").register(made["key"]).status_code == 401


def test_without_owner_and_tags_machines_belong_to_whoever_made_the_key(api: Api) -> None:
    made = api.post("auth-keys", {}, 201)
    assert api.user is not None
    assert (made["user"], made["user_login"], made["created_by"]) == (api.user.pk, "owner@example.com", api.user.pk)


def test_a_key_may_have_tags_an_owner_and_an_end(api: Api, ana: User, clock: Clock) -> None:
    wanted = {
        "user": ana.pk,
        "tags": ["tag:db", "tag:web"],
        "reusable": True,
        "max_uses": 5,
        "ephemeral": True,
        "expires_at": "2026-03-03T12:00:00Z",
    }
    made = api.post("auth-keys", wanted, 201)
    assert {name: made[name] for name in wanted} == wanted
    clock.advance(days=2)
    assert api.get(f"auth-keys/{made['id']}")["state"] == "expired"


def test_with_tags_alone_nobody_owns_the_machines(api: Api) -> None:
    assert api.post("auth-keys", {"tags": ["tag:db"]}, 201)["user"] is None


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"user": 999_999}, "owner"),
        ({"user": "ana"}, "user"),
        ({"user": True}, "user"),
        ({"tags": ["db"]}, "tags.0"),
        ({"max_uses": 5}, "max_uses"),
        ({"max_uses": 0, "reusable": True}, "max_uses"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "2030-01-01"}, "expires_at"),
        ({"expires_at": 1893456000}, "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
        ({"reusable": "yes"}, "reusable"),
        ({"name": "a" * 65}, "name"),
        ({"reuseable": True}, "reuseable"),
    ],
)
def test_what_is_wrong_with_a_key_is_named(api: Api, body: Any, fault: str) -> None:
    assert faults(api("POST", "auth-keys", body)) == [fault]


def test_a_revoked_key_lets_nobody_in(api: Api) -> None:
    made = api.post("auth-keys", {}, 201)
    revoked = api.post(f"auth-keys/{made['id']}/revoke")
    assert revoked["state"] == "revoked"
    assert api.post(f"auth-keys/{made['id']}/revoke") == revoked
    assert Machine("web").register(made["key"]).status_code == 401


def test_keys_are_listed_by_state_and_owner_without_their_secrets(api: Api, ana: User, key_of: KeyOf) -> None:
    secret = key_of(ana)
    api.post("auth-keys", {"tags": ["tag:db"]}, 201)
    listed = api("GET", "auth-keys")
    assert secret not in listed.content.decode()
    assert [item["user_login"] for item in listed.json()["results"]] == [None, "ana@example.com"]
    assert api.names(f"auth-keys?user={ana.pk}", "user") == [ana.pk]
    assert api.names("auth-keys?state=revoked", "id") == []
    Machine("web").register(secret)
    assert api.names("auth-keys?state=used_up", "user_login") == ["ana@example.com"]
    assert api.names("auth-keys?state=usable", "user_login") == [None]


def test_keys_of_a_disabled_person_are_no_use(api: Api, ana: User, key_of: KeyOf) -> None:
    key_of(ana)
    api.post(f"users/{ana.pk}/disable")
    assert api.names("auth-keys?state=owner_disabled", "state") == ["owner_disabled"]
    assert api.names("auth-keys?state=usable") == []


def test_a_key_of_another_network_is_not_found(api: Api, ana: User, key_of: KeyOf) -> None:
    key_of(ana)
    Network.objects.create(name="other", domain="other.ghost", ipv4_range="10.9.0.0/16")
    key = AuthKey.objects.get()
    assert refusal(api("GET", f"auth-keys/{key.pk}?network=other")) == (404, "not_found")
    assert api.get(f"auth-keys/{key.pk}?network=default")["id"] == key.pk


def test_a_revoked_session_cuts_its_node_until_it_registers_again(api: Api, ana: User, join: Join) -> None:
    web = join(ana, "web")
    [session] = api.get("sessions?active=true")["results"]
    assert (session["node"], session["node_name"], session["end_reason"]) == (web.node.pk, "web", None)
    revoked = api.post(f"sessions/{session['id']}/revoke")
    assert revoked["end_reason"] == "revoked"
    assert web.call("GET", "netmap").status_code == 401
    assert web.new_session().status_code == 401
    assert api.get("sessions?active=true")["results"] == []
    assert api.get("sessions?active=false")["results"] == [revoked]
    assert api.get(f"sessions/{session['id']}") == revoked
    assert api.get(f"nodes/{web.node.pk}")["status"] == "login"


def test_sessions_of_one_node(api: Api, ana: User, join: Join) -> None:
    web, _ = join(ana, "web"), join(ana, "db")
    assert api.names(f"sessions?node={web.node.pk}", "node_name") == ["web"]
    assert api.names("sessions", "node_name") == ["db", "web"]


def test_no_digest_leaves_the_portal(api: Api, ana: User, join: Join) -> None:
    join(ana, "web")
    for path in ("sessions", "auth-keys", "api-tokens", "users"):
        assert not re.search(r"digest|pepper|password", api("GET", path).content.decode())


def test_a_new_token_acts_as_the_same_person(api: Api) -> None:
    made = api.post("api-tokens", {"name": "backup", "expires_at": "2999-01-01T00:00:00Z"}, 201)
    assert re.fullmatch(r"gwa_[A-Za-z0-9_-]{43}", made["token"])
    other = Api(made["token"])
    assert other.names("api-tokens") == ["backup", "program"]
    assert "token" not in other.get(f"api-tokens/{made['id']}")


def test_a_revoked_token_ends_at_once(api: Api) -> None:
    made = api.post("api-tokens", {"name": "backup"}, 201)
    other = Api(made["token"])
    assert other.get("networks")
    assert api.post(f"api-tokens/{made['id']}/revoke")["revoked_at"] is not None
    assert refusal(other("GET", "networks")) == (401, "authentication")


def test_a_token_may_end_itself(api: Api) -> None:
    assert api.api_token is not None
    assert api.post(f"api-tokens/{api.api_token.pk}/revoke")["revoked_at"] is not None
    assert refusal(api("GET", "api-tokens")) == (401, "authentication")


def test_a_token_ends_with_its_time_and_its_person(api: Api, ana: User, clock: Clock) -> None:
    made = api.post("api-tokens", {"name": "short", "expires_at": "2026-03-02T13:00:00Z"}, 201)
    clock.advance(hours=1)
    assert refusal(Api(made["token"])("GET", "networks")) == (401, "authentication")
    member = api_for(ana)
    api.post(f"users/{ana.pk}/disable")
    assert refusal(member("GET", "nodes")) == (401, "authentication")


def test_tokens_of_others_are_not_found(api: Api, ana: User) -> None:
    api_for(ana)
    [theirs] = ApiToken.objects.filter(user=ana)
    assert refusal(api("GET", f"api-tokens/{theirs.pk}")) == (404, "not_found")
    assert refusal(api("POST", f"api-tokens/{theirs.pk}/revoke")) == (404, "not_found")
    assert theirs.pk not in api.names("api-tokens", "id")


@pytest.mark.parametrize(
    ("body", "fault"),
    [({}, "name"), ({"name": ""}, "name"), ({"name": 7}, "name"), ({"name": "a", "user": 1}, "user")],
)
def test_what_is_wrong_with_a_token_is_named(network: Network, body: Any, fault: str) -> None:
    assert faults(api_of("member")("POST", "api-tokens", body)) == [fault]
