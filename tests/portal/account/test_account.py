"""Own devices, tokens and sessions: everybody's, and nobody else's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from nodes.models import Node
from sessions_app.models import ApiToken, AuditEntry, PortalSession, User
from sessions_app.roles import CAPABILITIES
from tests import factories as make
from tests.portal.pages import read, text_of

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"
PAGES = ("/account/", "/account/tokens/", "/account/security/")


@pytest.fixture
def ana(network: Any) -> User:
    person: User = make.UserFactory(username="ana", password=PASSWORD)
    return person


@pytest.fixture
def browser(ana: User) -> Client:
    found = Client()
    found.force_login(ana)
    return found


@pytest.fixture
def laptop(network: Any, ana: User) -> Node:
    node: Node = make.NodeFactory(network=network, owner=ana, name="laptop")
    make.AddressFactory(node=node, number=7)
    return node


@pytest.fixture
def foreign(network: Any) -> Node:
    node: Node = make.NodeFactory(network=network, name="foreign")
    return node


@pytest.mark.parametrize("role", User.Role.values)
@pytest.mark.parametrize("path", PAGES)
def test_every_role_has_the_pages(as_role: Any, role: str, path: str) -> None:
    answer = as_role(role).get(path)
    assert answer.status_code == 200
    assert not read(answer).refused
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert ("Administration" in text_of(answer)) == bool(CAPABILITIES[role])


@pytest.mark.parametrize("path", [*PAGES, "/account/devices/1/", "/account/devices/1/delete/"])
def test_nobody_is_asked_to_log_in(network: Any, path: str) -> None:
    assert Client().get(path)["Location"].startswith("/login/?next=%2Faccount")


@pytest.mark.parametrize(("role", "place"), [("member", "/account/"), ("auditor", "/admin/"), ("owner", "/admin/")])
def test_login_leads_where_the_role_begins(network: Any, role: str, place: str) -> None:
    make.UserFactory(username="eve", password=PASSWORD, role=role)
    sent = {"username": "eve", "password": PASSWORD}
    for address in ("/login/", "/admin/login/", "/login/?next=/admin/", "/admin/login/?next=/admin/"):
        browser = Client()
        assert browser.post(address, sent)["Location"] == place
        assert browser.get("/")["Location"] == place
        assert browser.get("/login/")["Location"] == place


def test_member_among_the_pages_of_others_is_led_on(browser: Client) -> None:
    answer = browser.get("/admin/", follow=True)
    assert answer.status_code == 200
    assert "/account/" in read(answer).hrefs


def test_devices_are_ones_own(browser: Client, laptop: Node, foreign: Node) -> None:
    said = text_of(browser.get("/account/"))
    assert "laptop" in said
    assert "foreign" not in said


@pytest.mark.parametrize("path", ["", "delete/", "expire/"])
def test_another_persons_device_is_404(browser: Client, foreign: Node, path: str) -> None:
    address = f"/account/devices/{foreign.pk}/{path}"
    assert browser.get(address).status_code == 404
    assert browser.post(address, {"name": "mine"}).status_code == 404
    foreign.refresh_from_db()
    assert (foreign.name, foreign.state) == ("foreign", Node.State.ACTIVE)


def test_rename(browser: Client, laptop: Node) -> None:
    browser.post(f"/account/devices/{laptop.pk}/", {"name": "desk"})
    laptop.refresh_from_db()
    assert laptop.name == "desk"


def test_name_that_is_refused_is_said(browser: Client, laptop: Node, foreign: Node) -> None:
    answer = browser.post(f"/account/devices/{laptop.pk}/", {"name": "foreign"})
    assert answer.context["form"].errors


def test_log_a_device_out(browser: Client, laptop: Node) -> None:
    assert "loses all its peers" in text_of(browser.get(f"/account/devices/{laptop.pk}/expire/"))
    browser.post(f"/account/devices/{laptop.pk}/expire/")
    laptop.refresh_from_db()
    assert laptop.state == Node.State.EXPIRED
    assert "log in again" in text_of(browser.get("/account/"))


def test_delete(browser: Client, laptop: Node) -> None:
    browser.post(f"/account/devices/{laptop.pk}/delete/")
    assert not Node.objects.filter(pk=laptop.pk).exists()


def test_who_was_disabled_does_not_slip_out(browser: Client, laptop: Node) -> None:
    Node.objects.update(state=Node.State.DISABLED)
    assert browser.post(f"/account/devices/{laptop.pk}/delete/").status_code == 409
    assert Node.objects.filter(pk=laptop.pk).exists()


def make_token(browser: Client, **fields: Any) -> Any:
    once = browser.get("/account/tokens/").context["form"]["once"].value()
    return browser.post("/account/tokens/", {"name": "script", "lifetime": "30d", "once": once, **fields})


def test_token_is_shown_once(browser: Client, ana: User) -> None:
    made = make_token(browser)
    secret = re.search(r"gwa_[A-Za-z0-9_-]{43}", text_of(made))
    assert secret is not None
    assert "no-store" in made["Cache-Control"]
    assert secret.group() not in browser.get("/account/tokens/").content.decode()
    assert ApiToken.objects.get().user == ana


def test_token_sent_twice_is_one(browser: Client) -> None:
    once = browser.get("/account/tokens/").context["form"]["once"].value()
    for _ in range(2):
        browser.post("/account/tokens/", {"name": "script", "lifetime": "30d", "once": once})
    assert ApiToken.objects.count() == 1


def test_scopes_beyond_the_role_are_refused(browser: Client) -> None:
    assert make_token(browser, scopes=["nodes.view"]).context["form"].errors["scopes"]
    make_token(browser, scopes=["own"])
    assert ApiToken.objects.get().scopes == ["own"]


def test_revoke_only_ones_own(browser: Client) -> None:
    make_token(browser)
    mine, other = ApiToken.objects.get(), make.ApiTokenFactory()
    browser.post(f"/account/tokens/{mine.pk}/revoke/")
    assert browser.post(f"/account/tokens/{other.pk}/revoke/").status_code == 404
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.revoked_at is None, other.revoked_at is None) == (False, True)


def test_password_change_keeps_this_browser_alone(browser: Client, ana: User) -> None:
    other = Client()
    other.force_login(ana)
    sent = {"form": "password", "old_password": PASSWORD, "new_password1": "another-horse-1", "new_password2": ""}
    assert browser.post("/account/security/", sent).context["password"].errors
    browser.post("/account/security/", {**sent, "new_password2": "another-horse-1"})
    assert browser.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302
    assert PortalSession.objects.filter(user=ana).count() == 1


def test_guesses_at_the_present_password_are_slowed_down(browser: Client) -> None:
    sent = {"form": "password", "old_password": "x", "new_password1": "another-horse-1"}
    for _ in range(10):
        browser.post("/account/security/", {**sent, "new_password2": "another-horse-1"})
    said = browser.post("/account/security/", {**sent, "old_password": PASSWORD, "new_password2": "another-horse-1"})
    assert "Too many attempts" in text_of(said)


def test_sign_out_others(browser: Client, ana: User) -> None:
    others = [Client(HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0") for _ in range(2)]
    for other in others:
        other.post("/login/", {"username": "ana", "password": PASSWORD})
    assert "Firefox on Linux" in text_of(browser.get("/account/security/"))
    browser.post("/account/security/", {"form": "sessions"})
    assert [other.get("/account/").status_code for other in others] == [302, 302]
    assert browser.get("/account/").status_code == 200
    assert AuditEntry.objects.get(kind="sessions_ended").facts["number"] == 2


def test_nobody_ends_the_session_of_another(browser: Client) -> None:
    eve = make.UserFactory()
    other = Client()
    other.force_login(eve)
    browser.post("/account/security/", {"form": "sessions", "only": PortalSession.objects.get(user=eve).pk})
    assert other.get("/account/").status_code == 200


def test_cookie_does_not_stand_in_the_database(browser: Client) -> None:
    key = browser.cookies["sessionid"].value
    assert not PortalSession.objects.filter(pk=key).exists()
    assert key not in browser.get("/account/security/").content.decode()


def test_profile(browser: Client, ana: User) -> None:
    browser.post("/account/security/", {"form": "profile", "display_name": "Ana K.", "email": "", "role": "owner"})
    ana.refresh_from_db()
    assert (ana.display_name, ana.role) == ("Ana K.", User.Role.MEMBER)
