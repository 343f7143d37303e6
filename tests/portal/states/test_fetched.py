"""What scripts fetch, in a browser: while an answer is on its way something shows; where none comes, that is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from tests.portal.browser import session_cookie, window
from tests.portal.sample import build
from tests.portal.screens.fetched import FETCHES, Fetch

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="chromium is not installed"),
]

SAYS = re.compile(r"not answer|could not be (counted|checked)")
MARK = "part => { const mark = getComputedStyle(part, '::after'); return [mark.position, mark.height]; }"


def test_answers_that_are_slow_and_answers_that_do_not_come(transactional_db: None, live_server: LiveServer) -> None:
    sample = build()
    cookie = session_cookie(sample["owner"], live_server.url)
    with window(cookie) as found:
        for fetch in FETCHES:
            _follow(found.page, live_server.url, fetch)
    assert [said for said in found.complaints if said.startswith("exception")] == []


def _follow(page: Page, url: str, fetch: Fetch) -> None:
    held: list[Route] = []
    is_gone = False

    def answer(route: Route) -> None:
        if is_gone:
            route.abort("connectionrefused")
        else:
            held.append(route)

    page.route(fetch.address, answer)
    page.goto(url + fetch.path)
    fetch.act(page)
    part = page.locator(f"{fetch.part}[aria-busy=true]").first
    expect(part, f"{fetch.name} shows that it waits").to_be_visible()
    # What shows takes no room: nothing moves when it comes or goes.
    assert part.evaluate(MARK) == ["absolute", "2px"]
    is_gone = True
    for route in held:
        route.abort("connectionrefused")
    # The list of the topology's search says it by its style sheet.
    said = page.get_by_text(SAYS).or_(page.locator("[data-note*='did not answer']"))
    expect(said.first, f"{fetch.name} says that nothing came").to_be_visible()
    expect(page.locator(f"{fetch.part}[aria-busy=true]")).to_have_count(0)
    page.unroute(fetch.address)
    page.evaluate("sessionStorage.clear()")  # No draft goes on to the next.
