"""A page in a real browser, before a real server: it follows what happens, says when it cannot, and recovers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from mesh.change import Cause
from nodes.services.presence import mark_offline
from portal.sockets.newsroom import CLOSE_SESSION_ENDED, NEWSROOM
from sessions_app.models import User
from tests import factories as make
from tests.portal.browser import session_cookie, window
from tests.portal.served import asgi_server

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]
BADGE = "[data-gw-live-badge]"
PATIENCE = 30_000
# Who is logged out is let into no socket.
NO_SOCKET = re.compile(r"error: WebSocket connection to 'ws://[^']+/ws/v1/portal/[^']*' failed: .*")


@pytest.fixture(autouse=True)
def _unsafe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The browser's client runs a loop in this thread; the ORM may be asked all the same while it waits."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    NEWSROOM.__init__()  # type: ignore[misc]
    yield
    NEWSROOM.__init__()  # type: ignore[misc]


def test_a_list_of_nodes_follows_by_itself(transactional_db: None) -> None:
    network = make.NetworkFactory(name="main")
    node: Any = make.NodeFactory(network=network, online=True, last_seen=timezone.now())
    owner = make.UserFactory(username="mara", role=User.Role.OWNER)
    with asgi_server() as url, window(session_cookie(owner, url)) as found:
        page = found.page
        page.goto(url + "/admin/nodes/node/")
        page.wait_for_selector(f"{BADGE}:has-text('Live'):not(.gw-live-stale)", timeout=PATIENCE)
        page.check("input.action-select")
        page.evaluate("document.addEventListener('gw:live', (e) => (window.heard = e.detail))")
        silent = {node.pk: timezone.now() - timedelta(hours=1)}
        mark_offline(network_id=network.pk, last_seen=silent, cause=Cause.system("sweep"), now=timezone.now())
        page.wait_for_selector(f"#gw-status-{node.pk}:has-text('Offline')", timeout=PATIENCE)
        # The row stayed where it was, with its tick; the map's number moved; scripts heard of it too.
        assert page.is_checked("input.action-select")
        network.refresh_from_db()
        page.wait_for_selector(f"[data-gw-live-version]:text-is('{network.map_version}')", timeout=PATIENCE)
        assert page.evaluate("[window.heard.type, window.heard.nodes]") == ["presence", [node.pk]]

        # The connection is lost: the page says so, and is live again by itself.
        page.evaluate(
            "document.addEventListener('gw:live-state', (e) => (window.states = [...(window.states ?? []), e.detail]))"
        )
        for reader in tuple(NEWSROOM._readers):
            reader.loop.call_soon_threadsafe(reader.end, 1012)
        page.wait_for_function("(window.states ?? []).join(' ') === 'stale live'", timeout=PATIENCE)

        # The session ends: so does the page's connection, and it says why.
        found.page.context.clear_cookies()
        for reader in tuple(NEWSROOM._readers):
            reader.loop.call_soon_threadsafe(reader.end, CLOSE_SESSION_ENDED)
        page.wait_for_selector(f"{BADGE}.gw-live-stale:has-text('Not live')", timeout=PATIENCE)
    assert [said for said in found.complaints if NO_SOCKET.fullmatch(said) is None] == []
