"""All pages in a real browser: no complaint, nothing that keeps somebody out, and the parts that scripts move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import ViewportSize
from pytest_django.live_server_helper import LiveServer

from tests.portal.accessibility.look import look
from tests.portal.browser import ARGUMENTS, PHONE, WIDE, session_cookie, window
from tests.portal.sample import build
from tests.portal.screens import addresses_of

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]


@pytest.fixture
def sample(transactional_db: None) -> dict[str, Any]:
    return build()


@pytest.fixture(autouse=True)
def _policy_without_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else the site allows under /admin/: these pages run under the strict policy, eval forbidden."""
    monkeypatch.setattr("ghostwire_site.csp.ADMIN", "/nowhere/", raising=False)


@pytest.fixture
def cookie(sample: dict[str, Any], live_server: LiveServer) -> SetCookieParam:
    return session_cookie(sample["owner"], live_server.url)


@pytest.mark.parametrize(("size", "dark"), [(WIDE, True), (PHONE, False)], ids=["wide, dark", "phone, light"])
def test_no_page_makes_the_browser_complain(
    sample: dict[str, Any], cookie: SetCookieParam, live_server: LiveServer, size: ViewportSize, dark: bool
) -> None:
    addresses = {name: path for name, path in addresses_of(sample).items() if name != "not-found"}
    with window(cookie, size=size, dark=dark) as found:
        wrong = []
        for number, (name, path) in enumerate(addresses.items()):
            found.page.goto(live_server.url + path)
            # Each window looks closely at every other page; `make accessibility` at all of them in four.
            if number % 2 == dark:
                wrong += [f"{name}: {fault}" for fault in look(found.page, phone=size == PHONE, quick=True)]
            elif found.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                wrong.append(f"{name}: wider than the window")
            assert found.page.evaluate("document.documentElement.classList.contains('dark')") is dark
    assert found.complaints == []
    assert wrong == [], "\n".join(wrong)


def test_pages_show_without_scripts(sample: dict[str, Any], cookie: SetCookieParam, live_server: LiveServer) -> None:
    with window(cookie, java_script_enabled=False, dark=True) as found:
        found.page.goto(live_server.url + "/admin/nodes/node/")
        assert found.page.is_visible("text=build-3")
        background = "getComputedStyle(document.body).backgroundColor"
        assert found.page.evaluate(background) == "rgb(17, 24, 29)"
        found.page.check("input.action-select >> nth=0")
        found.page.click("button[value=disable]")
        assert "Disable print-server?" in found.page.inner_text("main h2")
    assert found.complaints == []


def test_colours_can_be_chosen_and_stay(
    sample: dict[str, Any], cookie: SetCookieParam, live_server: LiveServer
) -> None:
    with window(cookie) as found:
        found.page.goto(live_server.url + "/admin/")
        found.page.click(".gw-account > summary")
        found.page.click("button[data-gw-theme=dark]")
        found.page.goto(live_server.url + "/admin/nodes/node/")
        assert found.page.evaluate("document.documentElement.classList.contains('dark')")
        found.page.click(".gw-account > summary")
        assert found.page.get_attribute("button[data-gw-theme=dark]", "aria-pressed") == "true"
        found.page.keyboard.press("Escape")
        assert found.page.get_attribute(".gw-account", "open") is None
    assert found.complaints == []


def test_keys_move_tick_open_and_search(
    sample: dict[str, Any], cookie: SetCookieParam, live_server: LiveServer
) -> None:
    with window(cookie) as found:
        page = found.page
        page.goto(live_server.url + "/admin/nodes/node/")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("x")
        assert page.inner_text("[data-gw-count]") == "1 of 43 selected"
        assert page.is_visible(".gw-bulk")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.name") == "q"
        page.keyboard.type("jx")
        assert page.inner_text("[data-gw-count]") == "1 of 43 selected"
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("Enter")
        page.wait_for_url("**/change/")
        assert "build-3" in page.inner_text("main h2")
    assert found.complaints == []


def test_all_rows_are_ticked_and_unticked(
    sample: dict[str, Any], cookie: SetCookieParam, live_server: LiveServer
) -> None:
    with window(cookie) as found:
        found.page.goto(live_server.url + "/admin/nodes/node/")
        found.page.check("[data-gw-tick-all]")
        assert found.page.inner_text("[data-gw-count]") == "43 of 43 selected"
        found.page.click("[data-gw-untick]")
        assert not found.page.is_visible(".gw-bulk")


def test_confirmation_starts_on_keep_and_needs_the_tick(
    sample: dict[str, Any], cookie: SetCookieParam, live_server: LiveServer
) -> None:
    router = sample["router"].pk
    with window(cookie) as found:
        page = found.page
        page.goto(f"{live_server.url}/admin/nodes/node/{router}/do/disable/")
        assert page.evaluate("document.activeElement.textContent") == "Keep it"
        assert page.is_disabled("#gw-confirm-button")
        page.check("[name=sure]")
        page.click("#gw-confirm-button")
        page.wait_for_url("**/change/")
        assert "Disabled" in page.inner_text(".gw-subjectline")


def test_sidebar_is_a_drawer_on_a_phone(
    sample: dict[str, Any], cookie: SetCookieParam, live_server: LiveServer
) -> None:
    with window(cookie, size=PHONE) as found:
        page = found.page
        page.goto(live_server.url + "/admin/")
        assert not page.is_visible("#gw-side")
        page.click("header [data-gw-side-toggle]")
        assert page.is_visible("#gw-side")
        page.click("#gw-side >> text=Routes")
        page.wait_for_url("**/route/")
        assert not page.is_visible("#gw-side")


def test_browser_is_told_nothing_that_weakens_it() -> None:
    assert not {"--disable-web-security", "--allow-running-insecure-content"} & set(ARGUMENTS)
