"""What pages show after an act: menus, dialogs, bars and editors, open."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page, expect

from tests.portal.screens.camera import Act, Shot


def _click(selector: str, shows: str) -> Act:
    def act(page: Page) -> None:
        page.locator(selector).first.click()
        expect(page.locator(shows).first).to_be_visible()

    return act


def _keys(*keys: str, shows: str) -> Act:
    def act(page: Page) -> None:
        for key in keys:
            page.keyboard.press(key)
        expect(page.locator(shows).first).to_be_visible()

    return act


def _editor(page: Page) -> None:
    """Without the draft that the browser has kept."""
    page.evaluate("localStorage.clear(); sessionStorage.clear()")
    page.reload()
    expect(page.locator("#gw-editor[data-ready]")).to_be_attached()


def _moved(page: Page) -> None:
    _editor(page)
    page.get_by_role("button", name="Move rule 2").press("Alt+ArrowUp")


def _review(page: Page) -> None:
    _moved(page)
    page.keyboard.press("Control+s")
    expect(page.locator("dialog[open]")).to_be_visible()
    expect(page.locator("dialog[open] .gw-review-effect, dialog[open] .gw-figures").first).to_be_visible()


def _new_rule(page: Page) -> None:
    _editor(page)
    page.keyboard.press("n")
    page.get_by_label("Source").press_sequentially("tag:")
    expect(page.locator(".gw-combo [role=option], [role=listbox] [role=option]").first).to_be_visible()


def _sidebar(page: Page) -> None:
    if page.locator("#gw-side").is_hidden():
        page.click("header [data-gw-side-toggle]")
    page.click(".gw-account > summary")
    expect(page.locator(".gw-account .gw-menu")).to_be_visible()


OPENED: Final = (
    Shot("sidebar", "/admin/", _sidebar),
    Shot("palette", "/admin/", _keys("Control+k", shows=".gw-palette [role=option]")),
    Shot("keys", "/admin/nodes/node/", _keys("?", shows=".gw-keys")),
    Shot("nodes-ticked", "/admin/nodes/node/", _click("input.action-select", ".gw-bulk")),
    Shot("nodes-filter", "/admin/nodes/node/", _click(".gw-filter > summary", ".gw-filter .gw-menu")),
    Shot("nodes-copies", "/admin/nodes/node/", _click(".gw-copies > summary", ".gw-copies .gw-command")),
    Shot("rule-new", "/admin/access/", _new_rule),
    Shot("access-moved", "/admin/access/", _moved),
    Shot("access-review", "/admin/access/", _review),
    Shot("own-menu", "/account/", _click(".gw-own-menu > summary", ".gw-own-menu .gw-menu")),
)
