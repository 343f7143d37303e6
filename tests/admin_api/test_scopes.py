"""Tokens that may less than their person: each call, own things, and tokens made by tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from nodes.models import Network
from sessions_app.models import AuditEntry, User
from sessions_app.services.api_tokens import create_api_token
from tests import factories as make
from tests.admin_api.api import Api, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(network: Network) -> User:
    made: User = make.UserFactory(role=User.Role.OWNER)
    return made


def api_with(person: User, scopes: list[str] | None, **more: Any) -> Api:
    made = create_api_token(
        user_id=person.pk,
        name="x",
        now=timezone.now(),
        random32=make.public_key(1)[:32].encode(),
        scopes=scopes,
        **more,
    )
    return Api(made.secret)


def test_scope_narrows(person: User) -> None:
    api = api_with(person, ["nodes.view"])
    assert api("GET", "nodes").status_code == 200
    assert api("GET", "users").status_code == 404
    assert refusal(api("POST", "nodes/1/disable"))[0] == 403


def test_scopes_do_not_reach_what_is_ones_own_by_themselves(person: User) -> None:
    assert api_with(person, ["nodes.view"])("GET", "api-tokens").status_code == 404


def test_managing_people_is_not_managing_owners(person: User) -> None:
    api = api_with(person, ["users.view", "users.manage"])
    assert refusal(api("POST", "users/invite", {"login": "boss", "role": "owner"}))[0] == 403
    assert api("POST", "users/invite", {"login": "guest"}).status_code == 201


def test_token_makes_none_that_may_more(person: User) -> None:
    api = api_with(person, ["own", "nodes.view"])
    assert refusal(api("POST", "api-tokens", {"name": "y"}))[0] == 400
    assert refusal(api("POST", "api-tokens", {"name": "y", "scopes": ["own", "users.manage"]}))[0] == 400
    assert api("POST", "api-tokens", {"name": "y", "scopes": ["own"]}).status_code == 201


def test_token_makes_none_that_lasts_longer(person: User) -> None:
    api = api_with(person, None, expires_at=timezone.now() + timedelta(hours=1))
    assert refusal(api("POST", "api-tokens", {"name": "y"}))[0] == 400


def test_role_that_shrinks_shrinks_its_tokens(person: User) -> None:
    api = api_with(person, ["users.view"])
    User.objects.filter(pk=person.pk).update(role=User.Role.SUPPORT)
    assert api("GET", "users").status_code == 404


def test_scopes_beyond_the_role_are_refused(network: Network) -> None:
    member = make.UserFactory()
    api = api_with(member, None)
    assert refusal(api("POST", "api-tokens", {"name": "y", "scopes": ["nodes.view"]}))[0] == 400
    assert api("POST", "api-tokens", {"name": "y", "scopes": ["own"]}).json()["scopes"] == ["own"]


def test_new_address_and_refused_token_are_kept(person: User) -> None:
    api = api_with(person, None)
    for _ in range(2):
        api("GET", "nodes")
    assert AuditEntry.objects.filter(kind="token_used").count() == 1
    person.api_tokens.update(revoked_at=timezone.now())
    assert refusal(api("GET", "nodes"))[0] == 401
    assert AuditEntry.objects.get(kind="token_refused").facts["reason"] == "revoked"
