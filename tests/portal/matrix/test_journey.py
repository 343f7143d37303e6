"""The matrix in a real browser: arrow keys move between cells, and a cell opens its rules without leaving the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.portal.browser import session_cookie, window
from tests.portal.sample import build

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]


@pytest.fixture
def sample(transactional_db: None) -> dict[str, Any]:
    return build()


def test_a_cell_is_reached_by_keys_and_tells_its_rules(sample: dict[str, Any], live_server: LiveServer) -> None:
    with window(session_cookie(sample["owner"], live_server.url)) as found:
        page = found.page
        page.goto(live_server.url + "/admin/access/matrix/")
        page.focus(".gw-heat td a >> nth=0")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == (
            "group:admins to group:admins: everything, all 12 pairs"
        )
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-gw-cell] >> text=Administrators reach everything")
        assert "from=group%3Aadmins" in page.url
        assert page.evaluate("document.querySelectorAll('.gw-heat-cell[aria-current]').length") == 1
        page.reload()
        assert page.is_visible("[data-gw-cell] >> text=Administrators reach everything")
    assert found.complaints == []
