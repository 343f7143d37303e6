"""Who is let in, from where, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.limits import Limit
from portal.sockets import consumers, newsroom
from sessions_app.models import User
from tests import factories as make
from tests.portal.sockets.conftest import HOST, browser
from tests.roles.table.people import ROLES, may
from tests.roles.table.sockets import AGENT, SOCKETS

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", ROLES)
async def test_each_kind_of_page_follows_its_capability(role: str, network: Any) -> None:
    someone, node = browser(role), make.NodeFactory(network=network)
    for address, needs in SOCKETS.items():
        if needs != AGENT:
            name = address.removeprefix("/ws/v1/portal/")
            assert await someone.opens(f"{name}?id={node.pk}") == may(role, needs), name


async def test_nobody_is_let_in_without_a_login(network: Any) -> None:
    assert not await browser().opens("page", cookie="")
    assert not await browser().opens("page", cookie="x" * 32)
    assert not await browser().opens("own", cookie="")


async def test_a_disabled_person_is_not_let_in(network: Any) -> None:
    someone = browser()
    User.objects.filter(pk=someone.user.pk).update(is_active=False)
    assert not await someone.opens("page")


async def test_a_kind_that_is_none_leads_nowhere(network: Any) -> None:
    assert not await browser().opens("nothing")


@pytest.mark.parametrize("path", ["node", "node?id=0", "node?id=x", "node?id=9999", "fleet?network=9999"])
async def test_what_is_not_there_has_no_news(path: str, network: Any) -> None:
    assert not await browser().opens(path)


@pytest.mark.parametrize(
    "origin",
    [None, "null", "", "http://evil.example", f"https://{HOST}", "http://192.168.1.5", f"http://{HOST}.evil.example"],
)
async def test_pages_of_other_sites_are_refused(origin: str | None, network: Any) -> None:
    assert not await browser().opens("page", origin=origin)


async def test_a_public_address_is_trusted_whatever_the_proxy_says(network: Any, settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://vpn.example"]
    assert await browser().opens("page", origin="https://vpn.example")


async def test_a_host_that_the_portal_does_not_answer_to_is_refused(network: Any, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["vpn.example"]
    assert not await browser().opens("page")


async def test_two_origins_are_refused(network: Any) -> None:
    someone = browser()
    socket = someone.socket("page")
    socket.scope["headers"].append((b"origin", b"http://evil.example"))
    assert not (await socket.connect(timeout=30))[0]


async def test_a_session_has_only_so_many_sockets(network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newsroom, "MOST_OF_SESSION", 2)
    someone, other = browser(), browser()
    open_sockets = [await someone.open("page"), await someone.open("page")]
    assert not await someone.opens("page")
    assert await other.opens("page")
    await open_sockets.pop().disconnect()
    assert await someone.opens("page")
    await open_sockets.pop().disconnect()


async def test_a_process_has_only_so_many_sockets(network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newsroom, "MOST_SOCKETS", 1)
    one = await browser().open("page")
    assert not await browser().opens("page")
    await one.disconnect()


async def test_an_address_opens_only_so_many(network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "OPENED", Limit("portal_socket", 3, 3600.0))
    someone = browser()
    assert [await someone.opens("page") for _ in range(4)] == [True, True, True, False]
