"""The palette in a real browser: by keyboard alone, from Ctrl K to the page of a node, and the list of keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from tests import factories as make
from tests.portal.browser import PHONE, session_cookie, window

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]


def test_a_node_is_found_and_opened_by_keyboard_and_the_keys_are_listed(
    live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Under the strict policy, whatever else is allowed under /admin/.
    monkeypatch.setattr("ghostwire_site.csp.ADMIN", "/nowhere/", raising=False)
    network = make.NetworkFactory(name="main", domain="mycompany.ghost")
    one, two = (make.NodeFactory(network=network, name=name) for name in ("build-1", "build-2"))
    with window(session_cookie(make.UserFactory(role="owner"), live_server.url), size=PHONE) as found:
        page = found.page
        page.goto(live_server.url + "/admin/records/")
        page.keyboard.press("?")
        assert "Find or jump to" in page.inner_text("dialog.gw-keys")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog.gw-keys", state="detached")
        page.keyboard.press("Control+k")
        page.wait_for_selector("[role=option]")
        page.keyboard.type("build")
        page.wait_for_selector("[role=option] >> text=build-2")
        width = page.evaluate("document.documentElement.scrollWidth")
        # Whether an answer is on its way or not.
        busy = "(dialog, is) => (dialog.setAttribute('aria-busy', is), getComputedStyle(dialog).position)"
        assert [page.eval_on_selector("dialog[open]", busy, is_busy) for is_busy in (True, False)] == ["fixed"] * 2
        page.keyboard.press("ArrowDown")
        assert page.get_attribute("[role=option][aria-selected=true]", "href") == f"/admin/nodes/node/{two.pk}/change/"
        page.keyboard.press("ArrowUp")
        assert page.get_attribute("[role=option][aria-selected=true]", "href") == f"/admin/nodes/node/{one.pk}/change/"
        page.keyboard.type("-2")
        page.keyboard.press("Enter")  # before the answer is there: what was typed decides, not what is shown
        page.wait_for_url(f"**/node/{two.pk}/change/")
    assert width <= PHONE["width"]
    assert found.complaints == []
