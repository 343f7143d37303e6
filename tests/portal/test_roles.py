"""Each role sees and does what ``sessions_app.roles`` says, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from django.test import Client

from sessions_app.models import PortalSession, User
from sessions_app.roles import CAPABILITIES
from tests import factories as make
from tests.portal.pages import admin_of, page_url, read, text_of

pytestmark = pytest.mark.django_db

# Sessions of browsers have no pages here: their row's id is no number, and people see their own at /account/.
OURS = [
    model
    for label in ("nodes", "acl", "sessions_app")
    for model in apps.get_app_config(label).get_models()
    if model is not PortalSession
]
INSIDE = [role for role in User.Role.values if role != User.Role.MEMBER]


@pytest.mark.parametrize("role", INSIDE)
def test_sidebar_leads_only_where_the_role_may_go(
    role: str, as_role: Callable[[str], Client], one_of_each: dict[type[Model], Any]
) -> None:
    client = as_role(role)
    for href in {href for href in read(client.get("/admin/")).hrefs if href.startswith("/admin/")}:
        assert client.get(href).status_code == 200, href


# Who sees little, and who sees all but may change nothing: between them every link is hidden once.
@pytest.mark.parametrize("role", [User.Role.SUPPORT, User.Role.AUDITOR])
def test_pages_lead_only_where_the_role_may_go(
    role: str, as_role: Callable[[str], Client], one_of_each: dict[type[Model], Any]
) -> None:
    client = as_role(role)
    found: dict[str, str] = {}
    for model in OURS:
        if admin_of(model).view_right not in CAPABILITIES[role]:
            continue
        for address in (page_url(model, "changelist"), page_url(model, "change", one_of_each[model].pk)):
            for href in read(client.get(address)).hrefs:
                # Of a list's own orders and filters one is enough.
                found.setdefault(href.split("?")[0] or address, address)
    for href, on in found.items():
        if href.startswith("/admin/"):
            assert client.get(href).status_code == 200, (on, href)


def test_admin_cannot_touch_owners(as_role: Callable[[str], Client]) -> None:
    client, owner = as_role(User.Role.ADMIN), make.UserFactory(role=User.Role.OWNER)
    make.UserFactory(role=User.Role.OWNER)
    sent = {"role": "member", "display_name": "x", "email": ""}
    assert client.post(page_url(User, "change", owner.pk), sent).status_code == 403
    confirmed = {"confirmed": "yes", "sure": "on", "password": "correct-horse-battery"}
    for verb in ("disable", "password"):
        assert client.post(page_url(User, "do", owner.pk, verb), confirmed).status_code == 403
    ticked = {"action": "disable", "index": 0, "_selected_action": owner.pk, **confirmed}
    client.post(page_url(User, "changelist"), ticked)
    owner.refresh_from_db()
    assert (owner.role, owner.is_active) == (User.Role.OWNER, True)


def test_admin_cannot_make_owners(as_role: Callable[[str], Client]) -> None:
    client, person = as_role(User.Role.ADMIN), make.UserFactory()
    client.post(page_url(User, "add"), {"login": "boss", "role": "owner"})
    client.post(page_url(User, "change", person.pk), {"role": "owner"})
    assert not User.objects.filter(role=User.Role.OWNER).exists()


def test_login_page_speaks_of_plain_http_on_a_lan_address(network: Any) -> None:
    assert "not encrypted" in text_of(Client().get("/admin/login/", headers={"host": "192.168.1.5:8080"}))
    assert "not encrypted" not in text_of(Client().get("/admin/login/", headers={"host": "127.0.0.1:8080"}))
    assert "not encrypted" not in text_of(Client().get("/admin/login/", headers={"host": "[::1]:8080"}))
    assert "not encrypted" not in text_of(Client().get("/admin/login/", secure=True, headers={"host": "vpn.example"}))


def test_login_and_logout(network: Any) -> None:
    make.UserFactory(username="ana", role=User.Role.ADMIN, password="correct-horse-battery")
    client = Client()
    wrong = client.post("/admin/login/", {"username": "ana", "password": "x"})
    assert "do not go together" in text_of(wrong)
    assert client.post("/admin/login/", {"username": "Ana ", "password": "correct-horse-battery"}).status_code == 302
    assert client.get("/admin/").status_code == 200
    assert "logged out" in text_of(client.post("/admin/logout/"))
    assert client.get("/admin/").status_code == 302


def test_member_who_logs_in_here_is_led_to_the_own_devices(network: Any) -> None:
    make.UserFactory(username="ana", password="correct-horse-battery")
    sent = {"username": "ana", "password": "correct-horse-battery", "next": "/admin/"}
    assert Client().post("/admin/login/", sent)["Location"] == "/account/"


def test_guessing_is_slowed_down(network: Any) -> None:
    make.UserFactory(username="ana", role=User.Role.ADMIN, password="correct-horse-battery")
    client = Client()
    for _ in range(10):
        client.post("/admin/login/", {"username": "ana", "password": "x"})
    said = client.post("/admin/login/", {"username": "ana", "password": "correct-horse-battery"})
    assert "Too many attempts" in text_of(said)


@pytest.mark.parametrize(("path", "status"), [("/nowhere/", 404), ("/admin/nodes/node/1/nothing/", 404)])
def test_error_pages_hold_nothing_inline(client: Client, path: str, status: int) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert not read(response).refused


def test_forged_form_is_refused_with_a_page(network: Any, owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = client.post("/admin/logout/")
    assert response.status_code == 403
    assert "expired" in text_of(response)
    assert not read(response).refused


def test_failure_has_a_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.site.overview_page", lambda *args: 1 / 0)
    client.raise_request_exception = False
    response = client.get("/admin/")
    assert response.status_code == 500
    assert "The portal failed" in text_of(response)
    assert not read(response).refused
