"""In a real browser, by the script alone: a decision that is not carried out is told with its machine."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Route, expect

from tests.portal.browser import window

SCRIPT: Final = Path("portal/static/portal/js/enrol/follow.js")
PORTAL: Final = "http://portal.test"
PAGE: Final = """<!DOCTYPE html><main id="content"><div id="part" data-gw-follow>
  <article><b>{left} left</b><form method="post" action="/decide" data-gw-decide>
    <input type="hidden" name="enrolment" value="7"><button name="act" value="approve">Approve</button>
  </form></article></div></main><script src="/follow.js"></script>"""

pytestmark = pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="chromium is not installed")


def test_failed_decision_says_so_until_the_next_one() -> None:
    answers = [503, 404, 403, 0]

    def portal(route: Route) -> None:
        if route.request.url.endswith("/follow.js"):
            route.fulfill(body=SCRIPT.read_text(), content_type="text/javascript")
        elif route.request.method == "POST":
            status = answers.pop(0)
            route.fulfill(status=status) if status else route.abort()
        else:
            route.fulfill(body=PAGE.format(left=len(answers)), content_type="text/html")

    with window() as found:
        page = found.page
        page.route(f"{PORTAL}/**", portal)
        page.goto(PORTAL)
        for words in (
            "The portal answered with an error (503). It may not have been done",
            "the machine does not wait with this key any more",
            "the portal does not let you",
            "No answer came from the portal. It may not have been done",
        ):
            page.get_by_role("button", name="Approve").click()
            expect(page.get_by_role("alert")).to_contain_text(words)
            # The part was looked at anew, and the button may be pressed again.
            expect(page.get_by_text(f"{len(answers)} left")).to_be_visible()
            expect(page.get_by_role("button", name="Approve")).to_be_enabled()
