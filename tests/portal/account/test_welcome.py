"""Links that set a password: once, not after their time, not for others; and the token stands in no address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.test import Client
from django.utils import timezone

from coordinator.invitations import invite_user, link_url, make_password_link
from mesh.change import Cause
from mesh.errors import PermissionDeniedError
from sessions_app.models import AuditEntry, PasswordLink, PortalSession, User
from sessions_app.services.users import set_user_active, update_user
from tests import factories as make
from tests.portal.pages import read, text_of

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"
CAUSE = Cause.command()


def invited(actor: User | None = None, **fields: Any) -> tuple[User, str]:
    made = invite_user(actor=actor, login="guest", random32=b"7" * 32, cause=CAUSE, now=timezone.now(), **fields)
    return made.user, made.url.partition("#")[2]


def open_link(token: str) -> tuple[Client, Any]:
    browser = Client()
    return browser, browser.post("/welcome/", {"token": token})


def choose(browser: Client, **fields: str) -> Any:
    return browser.post("/welcome/password/", {"password": PASSWORD, "again": PASSWORD, **fields})


def test_invited_person_sets_a_password_and_is_in(network: Any) -> None:
    user, token = invited()
    browser, answer = open_link(token)
    assert answer["Location"] == "/welcome/password/"
    assert "guest" in text_of(browser.get("/welcome/password/"))
    assert choose(browser, display_name="Gus Guest")["Location"] == "/account/"
    user.refresh_from_db()
    assert user.display_name == "Gus Guest"
    assert authenticate(username="guest", password=PASSWORD) == user
    assert browser.get("/account/").status_code == 200


def test_whole_link_may_be_pasted(network: Any) -> None:
    _, token = invited()
    assert open_link(link_url(token))[1].status_code == 302


def test_link_works_once(network: Any) -> None:
    _, token = invited()
    browser, _ = open_link(token)
    other, _ = open_link(token)
    choose(browser)
    assert open_link(token)[1].status_code == 404
    assert "does not work" in text_of(choose(other))
    assert AuditEntry.objects.filter(kind="link_used").count() == 1


def test_refused_password_leaves_the_link_alive(network: Any) -> None:
    _, token = invited()
    browser, _ = open_link(token)
    assert choose(browser, password="short", again="short").status_code == 200
    assert choose(browser).status_code == 302


def test_link_ends_with_its_time(network: Any) -> None:
    _, token = invited()
    PasswordLink.objects.update(expires_at=timezone.now())
    assert open_link(token)[1].status_code == 404


def test_new_link_ends_the_former(network: Any) -> None:
    user, token = invited()
    make_password_link(actor=None, user_id=user.pk, random32=b"8" * 32, cause=CAUSE, now=timezone.now())
    assert open_link(token)[1].status_code == 404


def test_link_ends_when_its_person_is_disabled(network: Any) -> None:
    user, token = invited()
    set_user_active(user_id=user.pk, active=False, cause=CAUSE, now=timezone.now())
    set_user_active(user_id=user.pk, active=True, cause=CAUSE, now=timezone.now())
    assert open_link(token)[1].status_code == 404


def test_link_ends_with_the_right_of_its_maker(network: Any) -> None:
    admin = make.UserFactory(role=User.Role.ADMIN)
    _, token = invited(admin)
    User.objects.filter(pk=admin.pk).update(role=User.Role.AUDITOR)
    assert open_link(token)[1].status_code == 404


def test_link_for_a_member_never_opens_an_owner(network: Any) -> None:
    user, token = invited()
    update_user(user_id=user.pk, role=User.Role.OWNER, cause=CAUSE, now=timezone.now())
    assert open_link(token)[1].status_code == 404


def test_only_owners_invite_owners(network: Any) -> None:
    with pytest.raises(PermissionDeniedError):
        invited(make.UserFactory(role=User.Role.ADMIN), role=User.Role.OWNER)
    assert not User.objects.filter(username="guest").exists()


@pytest.mark.parametrize("token", ["", "gwl_", "gwl_" + "A" * 43, "gwa_" + "A" * 43, "x" * 300])
def test_what_is_no_link_gets_one_answer(network: Any, token: str) -> None:
    invited()
    answer = open_link(token)[1]
    assert answer.status_code in (200, 404)
    assert Client().get("/welcome/password/").status_code == 404


def test_trying_is_slowed_down(network: Any) -> None:
    browser = Client()
    answers = [browser.post("/welcome/", {"token": "gwl_" + "A" * 43}).status_code for _ in range(11)]
    assert answers == [404] * 10 + [429]


def test_token_is_stored_nowhere(network: Any) -> None:
    user, token = invited()
    browser, _ = open_link(token)
    stored = [str(row) for model in (PasswordLink, AuditEntry, User) for row in model.objects.values()]
    assert not [row for row in stored if token[8:] in row]
    assert token not in str(dict(browser.session))
    assert user.password_links.get().hint == token[:8]


def test_reset_ends_other_logins(network: Any) -> None:
    ana = make.UserFactory(username="ana", password=PASSWORD)
    old = Client()
    old.force_login(ana)
    made = make_password_link(actor=None, user_id=ana.pk, random32=b"8" * 32, cause=CAUSE, now=timezone.now())
    assert (made.link.purpose, made.link.expires_at - made.link.created_at) == ("reset", timedelta(days=1))
    browser, _ = open_link(made.url.partition("#")[2])
    choose(browser, password="another-horse-battery", again="another-horse-battery")
    assert old.get("/account/")["Location"].startswith("/login/")
    assert PortalSession.objects.filter(user=ana).count() == 1


@pytest.mark.parametrize("path", ["/welcome/", "/welcome/password/"])
def test_pages_hold_nothing_inline_and_tell_no_referrer(network: Any, path: str) -> None:
    browser, _ = open_link(invited()[1])
    answer = browser.get(path)
    assert not read(answer).refused
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "unsafe" not in answer["Content-Security-Policy"]
