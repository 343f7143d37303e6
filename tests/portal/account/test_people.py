"""Inviting, resetting and sending people away from their page."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from coordinator.invitations import invite_user
from mesh.change import Cause
from mesh.errors import NotFoundError
from nodes.models import Node
from sessions_app.models import AuditEntry, PasswordLink, User
from sessions_app.services.password_links import redeem_password_link
from tests import factories as make
from tests.portal.pages import page_url, read, text_of

pytestmark = pytest.mark.django_db
LINK = re.compile(r"/welcome/#gwl_[A-Za-z0-9_-]{43}")


def do(client: Client, person: User, verb: str, **fields: str) -> Any:
    return client.post(page_url(User, "do", person.pk, verb), {"confirmed": "yes", "sure": "on", **fields})


def test_new_person_is_invited(client: Client) -> None:
    made = client.post(page_url(User, "add"), {"login": "guest", "role": "member", "invite": "on"})
    link = LINK.search(text_of(made))
    assert link is not None
    assert "no-store" in made["Cache-Control"]
    assert not [item for item in read(made).refused if "data:image" not in item]
    page = client.get(page_url(User, "change", User.objects.get(username="guest").pk)).content.decode()
    assert link.group()[-20:] not in page
    assert "Invitation" in page


def test_reset_by_link(client: Client) -> None:
    ana = make.UserFactory(password="correct-horse-battery")
    assert LINK.search(text_of(do(client, ana, "link")))
    assert PasswordLink.objects.get().purpose == "reset"


def test_admin_makes_no_link_for_an_owner(as_role: Any, owner: User) -> None:
    assert do(as_role(User.Role.ADMIN), owner, "link").status_code == 403
    assert not PasswordLink.objects.exists()


def test_delete_gives_the_nodes_away(client: Client, owner: User, network: Any) -> None:
    node = make.NodeFactory(network=network)
    ana = node.owner
    do(client, ana, "delete", nodes="refuse")
    assert User.objects.filter(pk=ana.pk).exists()
    do(client, ana, "delete", nodes="give", heir=owner.username)
    assert not User.objects.filter(pk=ana.pk).exists()
    assert Node.objects.get(pk=node.pk).owner == owner


def test_disable_deletes_the_nodes_if_told(client: Client, network: Any) -> None:
    node = make.NodeFactory(network=network)
    do(client, node.owner, "disable", nodes="delete")
    assert not Node.objects.exists()


def test_log_out_everywhere(client: Client) -> None:
    ana = make.UserFactory()
    browser = Client()
    browser.force_login(ana)
    do(client, ana, "sign_out")
    assert browser.get("/account/").status_code == 302


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_two_at_once_use_a_link_once() -> None:
    make.NetworkFactory()
    now = timezone.now()
    made = invite_user(actor=None, login="guest", random32=b"7" * 32, cause=Cause.command(), now=now)

    def redeem(number: int) -> bool:
        try:
            redeem_password_link(
                link_id=made.link.pk, password=f"correct-horse-{number}", cause=Cause("anonymous"), now=now
            )
        except NotFoundError:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(redeem, range(4))) == [False, False, False, True]
    assert AuditEntry.objects.filter(kind="link_used").count() == 1
