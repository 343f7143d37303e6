"""Keys and tokens whose time is over: the log says when, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from nodes.models import Change
from sessions_app.models import ApiToken, AuthKey
from sessions_app.services.lapses import lapse_api_tokens, lapse_auth_keys
from tests.factories import ApiTokenFactory, AuthKeyFactory, NetworkFactory, UserFactory
from tests.fixtures import START

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_auth_keys_of_a_network_are_one_change() -> None:
    network, other = NetworkFactory(), NetworkFactory()
    keys = [AuthKeyFactory(network=network, expires_at=START) for _ in range(2)]
    AuthKeyFactory(network=other, expires_at=START + HOUR)
    assert lapse_auth_keys(now=START) == 2
    change = Change.objects.get()
    assert (change.network, change.kind, change.actor) == (network, "credentials", "system:expiry")
    assert [said["id"] for said in change.facts["auth_keys"]] == [key.pk for key in keys]
    assert change.facts["auth_keys"][0]["expired_at"] == START.isoformat()


def test_tokens_concern_the_networks_of_their_person() -> None:
    networks = [NetworkFactory() for _ in range(2)]
    token = ApiTokenFactory(user=UserFactory(role="admin"), expires_at=START)
    assert lapse_api_tokens(now=START) == 1
    assert {change.network for change in Change.objects.all()} == set(networks)
    assert {change.facts["api_tokens"][0]["id"] for change in Change.objects.all()} == {token.pk}


@pytest.mark.parametrize(
    ("make", "lapse"), [(AuthKeyFactory, lapse_auth_keys), (ApiTokenFactory, lapse_api_tokens)], ids=["key", "token"]
)
class TestBoth:
    def test_once(self, make: Callable[..., AuthKey | ApiToken], lapse: Callable[..., int]) -> None:
        NetworkFactory()
        make(expires_at=START)
        assert [lapse(now=START + HOUR) for _ in range(2)] == [1, 0]

    def test_late_is_as_good(self, make: Callable[..., AuthKey | ApiToken], lapse: Callable[..., int]) -> None:
        NetworkFactory()
        row = make(expires_at=START)
        assert lapse(now=START + 1000 * HOUR) == 1
        row.refresh_from_db()
        assert row.lapsed_at == START + 1000 * HOUR

    def test_not_those_that_were_revoked_or_never_end(
        self, make: Callable[..., AuthKey | ApiToken], lapse: Callable[..., int]
    ) -> None:
        make(expires_at=START, revoked_at=START)
        make(expires_at=None)
        make(expires_at=START + HOUR)
        assert lapse(now=START) == 0
        assert not Change.objects.exists()
