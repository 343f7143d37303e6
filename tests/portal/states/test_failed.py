"""Error pages: a store that is away, a failure, what is too large, what is not there, what is not permitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError
from django.test import AsyncClient, Client
from psycopg.errors import LockNotAvailable
from redis.exceptions import ConnectionError as RedisAway

from portal.login import PER_LOGIN
from tests.portal.pages import read, text_of
from tests.portal.served import database_away

FORM = "application/x-www-form-urlencoded"
pytestmark = pytest.mark.django_db

KINDS = (
    "/",
    "/admin/",
    "/admin/nodes/node/",
    "/admin/nodes/node/1/change/",
    "/admin/topology/",
    "/admin/access/",
    "/admin/access/file/",
    "/admin/enrol/",
    "/admin/password_change/",
    "/account/",
    "/account/tokens/",
    "/enrol/",
    "/welcome/password/",
)


@pytest.fixture
def patient(client: Client) -> Client:
    """The owner's browser, which is shown what fails."""
    client.raise_request_exception = False
    return client


def _is_whole(answer: Any, status: int) -> str:
    """A page of ours by itself, which obeys the security policy; returns what a person reads."""
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("text/html")
    assert "script-src" in answer["Content-Security-Policy"]
    found = read(answer)
    assert found.refused == []
    assert "/" in found.hrefs
    words = text_of(answer)
    assert str(status) in words
    return words


@pytest.mark.parametrize("path", KINDS)
def test_every_kind_of_page_says_that_the_database_is_away(patient: Client, path: str) -> None:
    with database_away():
        answer = patient.get(f"{path}?q=web")
    words = _is_whole(answer, 503)
    assert "The database does not answer" in words
    assert "Nothing was changed" in words
    assert answer["Retry-After"] == "5"
    assert "no-store" in answer["Cache-Control"]
    assert f"{path}?q=web" in read(answer).hrefs


@pytest.mark.parametrize("path", ["/admin/", "/account/"])
def test_the_same_where_pages_are_made_in_threads(patient: Client, path: str) -> None:
    browser = AsyncClient(raise_request_exception=False)
    browser.cookies = patient.cookies
    with database_away():
        answer = async_to_sync(browser.get)(path)
    assert "The database does not answer" in _is_whole(answer, 503)


def test_whoever_is_not_logged_in_is_told_too(db: None) -> None:
    with database_away():
        answer = Client(raise_request_exception=False).get("/login/")
    assert "The database does not answer" in _is_whole(answer, 503)


def test_what_was_sent_is_not_sent_again_by_itself(patient: Client) -> None:
    with database_away():
        answer = patient.post("/admin/acl/aclrule/add/", {"action": "accept"})
    words = _is_whole(answer, 503)
    assert "It may not have been done, or not all of it. Look before you send it again." in words
    assert "othing was changed" not in words
    assert "/admin/acl/aclrule/add/" not in read(answer).hrefs
    assert b"away.js" not in answer.content


@pytest.mark.parametrize("path", ["/admin/palette/?q=web", "/admin/topology/graph/", "/admin/access/preview/"])
def test_scripts_and_callers_get_a_problem(patient: Client, path: str) -> None:
    with database_away():
        answer = patient.get(path, headers={"accept": "application/json"})
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "5"
    assert answer.json()["code"] == "database"


@pytest.mark.parametrize(
    ("cause", "words"),
    [(LockNotAvailable(), "The database is busy"), (None, "The database does not answer")],
    ids=["a lock", "no answer"],
)
def test_a_database_that_answers_is_called_busy(
    patient: Client, monkeypatch: pytest.MonkeyPatch, cause: Exception | None, words: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("canceling statement due to lock timeout") from cause

    monkeypatch.setattr("portal.site.overview_page", fail)
    said = _is_whole(patient.get("/admin/"), 503)
    assert words in said
    assert "Nothing was changed" in said


def test_redis_is_called_by_its_name(patient: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise RedisAway("refused")

    monkeypatch.setattr("portal.site.overview_page", refuse)
    assert "Redis does not answer" in _is_whole(patient.get("/admin/"), 503)


def test_what_nobody_foresaw_is_a_failure(patient: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.site.overview_page", lambda *args: 1 // 0)
    answer = patient.get("/admin/")
    assert "The portal failed" in _is_whole(answer, 500)
    assert "Retry-After" not in answer
    said = patient.get("/admin/", headers={"accept": "application/json"})
    assert (said.status_code, said.json()["code"]) == (500, "internal")


def test_what_is_too_large_is_told_how_large_it_may_be(patient: Client) -> None:
    answer = patient.post("/admin/access/file/", {"document": "x" * (4 * 1024 * 1024 + 1)}, content_type=FORM)
    assert "at most 4 MiB" in _is_whole(answer, 413)


def test_nothing_there(patient: Client) -> None:
    for path in ("/nowhere/", "/admin/nowhere/", "/admin/nodes/node/999999/change/", "/account/devices/999999/"):
        assert "Nothing is here" in _is_whole(patient.get(path), 404)


def test_not_permitted(as_role: Callable[[str], Client]) -> None:
    answer = as_role("auditor").post("/admin/acl/aclrule/add/", {})
    assert "Your role does not allow this" in _is_whole(answer, 403)


def test_forged_and_expired_forms(owner: Any, network: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    assert "The form has expired" in _is_whole(browser.post("/admin/acl/aclrule/add/", {}), 403)


def test_an_unknown_host_is_told_what_to_check(patient: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["portal.example"]
    assert "check that it is one of its public addresses" in _is_whole(patient.get("/login/"), 400)


def test_too_many_logins_say_when_to_come_back(db: None) -> None:
    browser = Client()
    tries = {"username": "mara", "password": "wrong"}
    for _ in range(int(PER_LOGIN.burst or 0)):
        assert browser.post("/login/", tries).status_code == 200
    answer = browser.post("/login/", tries)
    assert answer.status_code == 429
    assert f"Try again in {answer['Retry-After']} s" in text_of(answer)
