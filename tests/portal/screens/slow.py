"""What a page shows while an answer is on its way."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

from tests.portal.screens.camera import Act, Shot
from tests.portal.screens.fetched import FETCHES, WAIT_MS, Fetch, hold


def _waiting(fetch: Fetch) -> Act:
    def act(page: Page) -> None:
        fetch.act(page)
        page.wait_for_selector(f"{fetch.part}[aria-busy=true]")
        page.wait_for_timeout(WAIT_MS)

    return act


SLOW: Final = [Shot(fetch.name, fetch.path, _waiting(fetch), hold(fetch.address)) for fetch in FETCHES]
