"""Enrolment in a real browser: the line stays on the page while the machine that ran it is approved and comes up."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from nodes.models import Node
from sessions_app.models import AuthKey
from tests import factories as make
from tests.portal.browser import session_cookie, window

CHROMIUM = Path("/usr/bin/chromium")

LOOK = "document.dispatchEvent(new Event('visibilitychange'))"  # As a tab does that is turned to.

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]


def test_the_page_follows_a_machine_and_keeps_the_line(
    transactional_db: None, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # The browser's loop runs in the test's own thread.
    network, owner = make.NetworkFactory(name="main", approve_nodes=True), make.UserFactory(role="owner")
    with window(session_cookie(owner, live_server.url)) as found:
        page = found.page
        page.goto(live_server.url + "/admin/enrol/")
        page.fill("[name=name]", "watched")
        page.click("button:has-text('Make the key')")
        page.wait_for_selector(".gw-command")
        key = AuthKey.objects.get(name="watched")
        assert page.url.endswith(f"/admin/enrol/{key.pk}/")
        reported = {"hostname": "newcomer", "os": "linux", "os_version": "Debian 12", "agent_version": "0.1.0"}
        make.EnrolmentFactory(network=network, auth_key=key, reported=reported, created_at=timezone.now())
        page.evaluate(LOOK)
        page.click("button:has-text('Approve')", timeout=30_000)
        page.wait_for_selector("text=On its way", timeout=30_000)
        node = Node.objects.get(name="newcomer")
        make.OnlineSpanFactory(node=node, began=timezone.now())
        peer = make.NodeFactory(network=network, name="db-01")
        make.ObservationFactory(node=node, reporter=peer)
        make.ObservationFactory(node=peer, reporter=node)
        page.evaluate(LOOK)
        page.wait_for_selector("text=In the mesh", timeout=30_000)
        assert "gwk_" in page.inner_text(".gw-command")
        page.reload()
        assert page.query_selector(".gw-command") is None
    assert found.complaints == []
    assert AuthKey.objects.count() == 1
