"""In a real browser: a misspelt name is found as it is typed, set right, reviewed, tried, and taken back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.portal.browser import session_cookie, window
from tests.portal.sample import build

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="chromium is not installed"),
]


def test_write_the_file_try_it_and_take_it_back(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    sample: dict[str, Any] = build()
    cookie = session_cookie(sample["owner"], live_server.url)
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with window(cookie) as found:
        page = found.page
        page.goto(f"{live_server.url}/admin/access/file/")
        area = page.locator("#gw-document")
        text = area.input_value()
        area.fill(text.replace('"src": ["tag:monitoring"]', '"src": ["tag:monitorin"]'))
        expect(page.locator(".gw-faults")).to_contain_text("did not compile")
        page.get_by_role("button", name="Line").first.click()
        expect(page.locator(".gw-ed-fault")).to_have_text('"tag:monitorin"')
        expect(area).to_be_focused()
        page.get_by_role("button", name="Use it").click()
        expect(page.locator(".gw-filestate-ok")).to_contain_text("policy 37 says")

        area.fill("[]")
        area.press("Control+a")
        area.press("Tab")
        assert area.input_value() == "    []"
        area.press("Shift+Tab")
        assert area.input_value() == "[]"
        area.press("Control+z")
        assert area.input_value() == "    []"
        area.press("Escape")
        area.press("Tab")
        expect(area).not_to_be_focused()

        area.fill(text.replace('"src": ["tag:monitoring"]', '"src": ["tag:ci"]'))
        expect(page.locator(".gw-filestate-ok")).to_contain_text("It compiles")
        area.press("Control+s")
        expect(page.get_by_role("heading", name="Put the document in force?")).to_be_visible()
        apply = page.get_by_role("button", name="Apply")
        expect(apply).to_be_disabled()
        page.get_by_role("checkbox").check()
        page.get_by_label("Stays").select_option("300")
        apply.click()

        banner = page.get_by_role("region", name="Policy on trial")
        expect(banner).to_contain_text(re.compile(r"Policy 38 is on trial, reverts in [45]:\d\d"))
        banner.get_by_role("button", name="Revert now").click()
        expect(banner).to_have_count(0)
        expect(page.locator("#gw-document")).to_have_value(text)
        # The server of this test has no sockets.
        assert [said for said in found.complaints if "WebSocket" not in said] == []
