"""What the audit trail hears of writes to what is not found: of another's, never of what is gone or never was."""

from __future__ import annotations

import pytest

from nodes.models import Network
from sessions_app.models import AuditEntry, User
from tests.admin_api.api import Api, api_for, refusal
from tests.fixtures import Join

WRITES = (
    ("DELETE", "/api/v1/me/devices/{}"),
    ("POST", "/api/v1/me/devices/{}/expire"),
    ("DELETE", "/api/v1/me/api-tokens/{}"),
    ("POST", "api-tokens/{}/revoke"),
)


def denied() -> int:
    return AuditEntry.objects.filter(kind="denied").count()


@pytest.fixture
def mine(network: Network, ana: User) -> Api:
    return api_for(ana)


def test_an_own_device_that_went_is_refused_to_nobody(mine: Api, join: Join, ana: User) -> None:
    path = f"/api/v1/me/devices/{join(ana, 'web').node.pk}"
    mine.delete(path)
    assert refusal(mine("DELETE", path)) == (404, "not_found")
    assert denied() == 0


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_what_never_was_is_refused_to_nobody(mine: Api, method: str, path: str) -> None:
    assert refusal(mine(method, path.format(10**6))) == (404, "not_found")
    assert denied() == 0


def test_a_session_that_never_was_is_refused_to_nobody(mine: Api) -> None:
    assert refusal(mine("DELETE", "/api/v1/me/sessions/nosuchsession")) == (404, "not_found")
    assert denied() == 0


def test_anothers_is_told_of_in_the_same_words(mine: Api, join: Join, ben: User) -> None:
    other = join(ben, "web").node.pk
    answers = [mine("DELETE", f"/api/v1/me/devices/{pk}") for pk in (other, 10**6)]
    assert answers[0].json() == answers[1].json()
    assert denied() == 1


def test_a_call_that_there_is_not_for_the_caller_is_told_of(mine: Api) -> None:
    assert refusal(mine("POST", "acl/rules", {"sources": ["*"], "destinations": ["*"]})) == (404, "not_found")
    assert denied() == 1
