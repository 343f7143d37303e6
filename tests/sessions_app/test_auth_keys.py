"""Auth keys as stored: what is refused, what is kept, when they are usable."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mesh.change import Cause
from mesh.errors import AuthenticationError, NotFoundError, ValidationError
from nodes.models import Change, Network
from sessions_app.models import AuditEntry, AuthKey, User
from sessions_app.services.auth_keys import (
    check_people,
    create_auth_key,
    is_alive,
    is_usable,
    lock_auth_key,
    revoke_auth_key,
    usable,
)
from tests.fixtures import START, random32

HOUR = timedelta(hours=1)


def create(network: Network, **options: Any) -> tuple[AuthKey, str]:
    made = create_auth_key(network_id=network.pk, now=START, random32=random32(), cause=Cause.command(), **options)
    return made.auth_key, made.secret


def test_the_secret_exists_once(network: Network, ana: User) -> None:
    key, secret = create(network, owner_id=ana.pk)
    assert secret.startswith("gwk_") and key.hint == secret[:8]
    assert secret.encode() not in bytes(key.digest)
    assert lock_auth_key(secret=secret) == key


@pytest.mark.parametrize("secret", ["", "nonsense", "gws_" + "Q" * 42 + "A", "gwk_" + "Q" * 42 + "A"])
def test_another_secret(network: Network, secret: str) -> None:
    with pytest.raises(AuthenticationError):
        lock_auth_key(secret=secret)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"owner_id": None}, "owner"),
    ({"owner_id": 999}, "owner"),
    ({"expires_at": START}, "expires_at"),
    ({"max_uses": 2}, "max_uses"),
    ({"reusable": True, "max_uses": 0}, "max_uses"),
    ({"reusable": True, "max_uses": 10**10}, "max_uses"),
    ({"tags": ["tag:a", "db"]}, "tags.1"),
    ({"name": "x" * 65}, "name"),
]


@pytest.mark.parametrize(("options", "field"), REFUSED)
def test_refused(network: Network, ana: User, options: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as error:
        create(network, **({"owner_id": ana.pk} | options))
    assert [item.field for item in error.value.errors] == [field]
    assert not AuthKey.objects.exists()


def test_a_disabled_owner_gets_no_key(network: Network, ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_active=False)
    with pytest.raises(ValidationError):
        create(network, owner_id=ana.pk)


@pytest.mark.parametrize(
    ("facts", "alive", "works"),
    [
        ({}, True, True),
        ({"uses": 1}, True, False),
        ({"max_uses": None, "uses": 99}, True, True),
        ({"expires_at": START + HOUR}, True, True),
        ({"expires_at": START}, False, False),
        ({"revoked_at": START}, False, False),
    ],
)
def test_usable(network: Network, ana: User, facts: dict[str, Any], alive: bool, works: bool) -> None:
    key = AuthKey.objects.create(network=network, owner=ana, digest=b"x" * 32, **({"max_uses": 1} | facts))
    assert (is_alive(key, START), is_usable(key, START)) == (alive, works)
    assert AuthKey.objects.filter(usable(START)).exists() is works


def test_revoking_twice_keeps_the_first_instant(network: Network, ana: User) -> None:
    key, _ = create(network, owner_id=ana.pk)
    revoke_auth_key(auth_key_id=key.pk, cause=Cause.command(), now=START)
    assert revoke_auth_key(auth_key_id=key.pk, cause=Cause.command(), now=START + HOUR).revoked_at == START
    with pytest.raises(NotFoundError):
        revoke_auth_key(auth_key_id=key.pk + 1, cause=Cause.command(), now=START)


def test_each_act_is_told_once(network: Network, ana: User) -> None:
    key, _ = create(network, owner_id=ana.pk, tags=["tag:b", "tag:a"])
    made = AuditEntry.objects.get()
    assert (made.kind, made.actor, made.facts["auth_key"]) == ("key_made", Cause.command().actor, key.pk)
    assert (made.facts["login"], made.facts["tags"]) == (ana.username, ["tag:a", "tag:b"])
    assert not Change.objects.filter(kind="credentials").exists()
    revoke_auth_key(auth_key_id=key.pk, cause=Cause.command(), now=START)
    assert Change.objects.filter(kind="credentials").count() == 1
    assert list(AuditEntry.objects.all()) == [made]


@pytest.mark.parametrize("who", ["owner_id", "created_by_id"])
def test_a_disabled_person_behind_it(network: Network, ana: User, ben: User, who: str) -> None:
    people = {"owner_id": ben.pk, "created_by_id": ben.pk} | {who: ana.pk}
    key, _ = create(network, **people)
    check_people(key)
    User.objects.filter(pk=ana.pk).update(is_active=False)
    with pytest.raises(AuthenticationError):
        check_people(key)
