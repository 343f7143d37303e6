"""One person's way in, in a real browser: invited, a password, the own devices, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from coordinator.invitations import invite_user
from mesh.change import Cause
from tests import factories as make
from tests.portal.browser import window

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]


@pytest.fixture(autouse=True)
def _unsafe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The browser's client runs a loop in this thread; the ORM may be asked all the same while it waits."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    yield


def test_invited_member_sets_a_password_and_sees_the_own_devices(live_server: LiveServer) -> None:
    network = make.NetworkFactory(approve_nodes=True)
    make.EnrolmentFactory(network=network, code="BCDFGHJK")
    made = invite_user(
        actor=None, login="guest", random32=b"7" * 32, cause=Cause.command(), now=timezone.now(),
        portal_url=live_server.url,
    )  # fmt: skip
    make.NodeFactory(network=network, owner=made.user, name="my-laptop")
    make.NodeFactory(network=network, name="foreign")
    with window() as found:
        page = found.page
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(made.url)
        page.wait_for_url("**/welcome/password/")
        page.fill("#id_password", "correct-horse-battery")
        page.fill("#id_again", "correct-horse-battery")
        page.click("button:has-text('go in')")
        page.wait_for_url("**/account/")
        page.wait_for_selector("text=my-laptop")
        assert not page.locator("text=foreign").count()
        page.goto(f"{live_server.url}/enrol/BCDF-GHJK")
        assert not page.locator("button[name=act]").count()
        assert page.goto(f"{live_server.url}/admin/").status == 200  # type: ignore[union-attr]
        assert page.locator("a[href='/account/']").count()
        token = made.url.partition("#")[2]
        assert token
        assert not [url for url in asked if token in url.partition("#")[0]]
        assert found.complaints == []
