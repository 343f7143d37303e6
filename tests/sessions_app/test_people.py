"""People, their roles and API tokens; peppers that change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from ghostwire_site.secrets import Pepper, Secrets
from mesh.change import Cause
from mesh.errors import AuthenticationError, ConflictError, NotFoundError, ValidationError
from nodes.models import Change, Network
from sessions_app.models import User
from sessions_app.peppers import digest_for_storage, digests_to_look_up
from sessions_app.roles import ALL_CAPABILITIES, CAPABILITIES, allows
from sessions_app.services.api_tokens import create_api_token, revoke_api_token, validate_api_token
from sessions_app.services.users import create_user, set_password, set_user_active, update_user
from tests.agents import Machine
from tests.fixtures import START, Join, KeyOf, random32

ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}


def test_a_person_is_known_in_every_network(network: Network) -> None:
    user = create_user(login=" Ana@Example.com ", password="a long enough one", **ACT)
    assert (user.username, user.role, user.check_password("a long enough one")) == ("ana@example.com", "member", True)
    assert Change.objects.latest("version").facts["users"][0]["login"] == "ana@example.com"


@pytest.mark.parametrize(
    "fields", [{"login": "no blank"}, {"login": ""}, {"login": "x" * 151}, {"role": "king"}, {"password": "short"}]
)
def test_refused(network: Network, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        create_user(**({"login": "ana"} | fields), **ACT)
    assert not User.objects.exists()


def test_a_login_stands_once(ana: User) -> None:
    with pytest.raises(ConflictError):
        create_user(login="ANA@example.com", **ACT)


def test_the_last_owner_stays(network: Network) -> None:
    owner = create_user(login="owner", role=User.Role.OWNER, **ACT)
    with pytest.raises(ConflictError):
        set_user_active(user_id=owner.pk, active=False, **ACT)
    with pytest.raises(ConflictError):
        update_user(user_id=owner.pk, role=User.Role.MEMBER, **ACT)
    create_user(login="second", role=User.Role.OWNER, **ACT)
    assert not set_user_active(user_id=owner.pk, active=False, **ACT).is_active


def test_a_person_who_is_not_there(network: Network) -> None:
    for action in (
        lambda: set_user_active(user_id=9, active=False, **ACT),
        lambda: update_user(user_id=9, **ACT),
        lambda: set_password(user_id=9, password="a long enough one", **ACT),
    ):
        with pytest.raises(NotFoundError):
            action()


@pytest.mark.parametrize("role", User.Role.values)
def test_roles(role: str) -> None:
    user = User(role=role)
    assert {name for name in ALL_CAPABILITIES if allows(user, name)} == CAPABILITIES[role]
    user.is_active = False
    assert not any(allows(user, name) for name in ALL_CAPABILITIES)


def test_a_misspelt_capability_is_no_refusal() -> None:
    with pytest.raises(ValueError, match="capability"):
        allows(User(role="owner"), "nodes.manag")


def test_nobody_may_nothing() -> None:
    assert not allows(None, "nodes.view")


def token(user: User, **options: Any) -> tuple[int, str]:
    made = create_api_token(user_id=user.pk, name="ci", now=START, random32=random32(), **options)
    return made.api_token.pk, made.secret


def test_api_tokens(ana: User) -> None:
    pk, secret = token(ana, expires_at=START + timedelta(hours=1))
    assert validate_api_token(token=secret, now=START).user == ana
    with pytest.raises(AuthenticationError):
        validate_api_token(token=secret, now=START + timedelta(hours=1))
    revoke_api_token(api_token_id=pk, cause=Cause.command(), now=START)
    with pytest.raises(AuthenticationError):
        validate_api_token(token=secret, now=START)


def test_a_disabled_persons_token(ana: User) -> None:
    _, secret = token(ana)
    set_user_active(user_id=ana.pk, active=False, **ACT)
    with pytest.raises(AuthenticationError):
        validate_api_token(token=secret, now=START)


@pytest.mark.parametrize("secret", ["", "gws_" + "Q" * 42 + "A", "gwa_" + "Q" * 42 + "A"])
def test_no_api_token(network: Network, secret: str) -> None:
    with pytest.raises(AuthenticationError):
        validate_api_token(token=secret, now=START)


def put_peppers(monkeypatch: pytest.MonkeyPatch, *peppers: Pepper) -> None:
    old = settings.GHOSTWIRE_SECRETS
    monkeypatch.setattr(settings, "GHOSTWIRE_SECRETS", Secrets(old.django_keys, peppers, old.challenge))


def test_tokens_outlive_a_new_pepper_and_end_with_their_own(
    join: Join, ana: User, key_of: KeyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = settings.GHOSTWIRE_SECRETS.peppers
    machine, key, new = join(ana, "web"), key_of(ana), Pepper("2", b"p" * 32)
    put_peppers(monkeypatch, new, old)
    assert machine.call("get", "netmap").status_code == 200
    later = Machine("later")
    assert later.register(key).status_code == 201
    put_peppers(monkeypatch, new)
    assert machine.call("get", "netmap").status_code == 401
    assert later.call("get", "netmap").status_code == 200


def test_the_newest_pepper_keys_and_all_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    put_peppers(monkeypatch, Pepper("2", b"n" * 32), Pepper("1", b"o" * 32))
    stored = digest_for_storage("gwa_x")
    assert (stored.pepper, digests_to_look_up("gwa_x").index(stored.digest)) == ("2", 0)
    assert len(set(digests_to_look_up("gwa_x"))) == 2
