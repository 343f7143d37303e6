"""The keyboard: what opens takes it, keeps it and gives it back; and pages whose scripts do not come."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.portal.accessibility.look import look
from tests.portal.accessibility.opened import OPENED
from tests.portal.browser import PHONE, session_cookie, window
from tests.portal.sample import build
from tests.portal.screens import addresses_of
from tests.portal.test_browser import CHROMIUM

KEPT = "document.activeElement === document.body || document.activeElement.closest('dialog[open]') !== null"
"""Past the last thing of a dialog comes the browser's own frame, which leaves nothing in the page focused."""
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]


@pytest.fixture
def sample(transactional_db: None) -> dict[str, Any]:
    return build()


def _focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.innerText || document.activeElement.getAttribute('aria-label')"))


def _in(page: Page, selector: str) -> bool:
    return bool(page.evaluate("(selector) => document.activeElement.closest(selector) !== null", selector))


def test_what_opens_is_in_order(sample: dict[str, Any], live_server: LiveServer) -> None:
    wrong = []
    with window(session_cookie(sample["owner"], live_server.url), size=PHONE, dark=True) as found:
        for shot in OPENED:
            found.page.goto(live_server.url + shot.path)
            if shot.act is not None:
                shot.act(found.page)
            wrong += [f"{shot.name}: {fault}" for fault in look(found.page, phone=True, quick=True)]
    assert wrong == [], "\n".join(wrong)
    assert found.complaints == []


def test_the_first_tab_leads_past_the_sidebar(sample: dict[str, Any], live_server: LiveServer) -> None:
    with window(session_cookie(sample["owner"], live_server.url)) as found:
        found.page.goto(live_server.url + "/admin/nodes/node/")
        found.page.keyboard.press("Tab")
        assert _focused(found.page) == "Skip to the content"
        found.page.keyboard.press("Enter")
        found.page.keyboard.press("Tab")
        assert _in(found.page, "main")
    assert found.complaints == []


def test_dialogs_keep_the_focus_and_give_it_back(sample: dict[str, Any], live_server: LiveServer) -> None:
    with window(session_cookie(sample["owner"], live_server.url)) as found:
        page = found.page
        page.goto(live_server.url + "/admin/nodes/node/")
        page.focus("[data-gw-palette-open]")
        page.keyboard.press("Enter")
        page.wait_for_selector(".gw-palette[open]")
        for _ in range(4):
            page.keyboard.press("Tab")
            assert page.evaluate(KEPT), _focused(page)
        page.keyboard.press("Escape")
        assert page.is_hidden(".gw-palette")
        assert _in(page, "[data-gw-palette-open]")
    assert found.complaints == []


def test_drawer_and_menus_give_the_focus_back(sample: dict[str, Any], live_server: LiveServer) -> None:
    with window(session_cookie(sample["owner"], live_server.url), size=PHONE) as found:
        page = found.page
        page.goto(live_server.url + "/admin/nodes/node/")
        toggle = "button[data-gw-side-toggle]"
        assert page.get_attribute(toggle, "aria-expanded") == "false"
        page.focus(toggle)
        page.keyboard.press("Enter")
        assert page.get_attribute(toggle, "aria-expanded") == "true"
        assert _in(page, "#gw-side")
        assert page.evaluate("document.querySelector('.gw-main').inert")
        page.focus(".gw-account > summary")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        assert page.get_attribute(".gw-account", "open") is None
        assert _in(page, ".gw-account > summary")
        page.keyboard.press("Escape")
        assert page.is_hidden("#gw-side")
        assert _in(page, toggle)
        assert not page.evaluate("document.querySelector('.gw-main').inert")
    assert found.complaints == []


def test_pages_show_where_no_script_arrives(sample: dict[str, Any], live_server: LiveServer) -> None:
    addresses = addresses_of(sample)
    with window(session_cookie(sample["owner"], live_server.url)) as found:
        found.page.route("**/*.js", lambda route: route.abort())
        for name in ("overview", "nodes", "node", "access", "matrix", "policy-file", "enrol", "account", "welcome"):
            found.page.goto(live_server.url + addresses[name])
            assert len(found.page.inner_text("main")) > 60, name
            assert found.page.locator("[x-cloak]").count() == 0, name
