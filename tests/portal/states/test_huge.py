"""Pages of a network of 50,000 nodes in which everything is long or many; and finding a node among them by a CIDR."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import expect

from coordinator.replica import REPLICAS
from nodes.presence import presence_store
from tests.portal.browser import session_cookie, window
from tests.portal.huge import build_huge
from tests.portal.screens import addresses_of
from tests.portal.served import asgi_server

# No page of these may need more, whatever there is.
MOST_QUERIES = 40
# What is asked of a person on one screen: more letters than this are a page that should have folded something.
MOST_BYTES = 700_000
PAGES = (
    "overview",
    "nodes",
    "node",
    "node-disable",
    "groups",
    "group",
    "tags",
    "approvals",
    "enrol-keys",
    "events",
    "jobs",
)


@pytest.fixture(scope="module")
def huge(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """The network, in the database for good until this module is through: fifty thousand rows are not written twice."""
    if connection.vendor != "postgresql":
        pytest.skip("the rows are written by PostgreSQL")
    with django_db_blocker.unblock():
        REPLICAS.clear()
        presence_store.cache_clear()
        try:
            yield build_huge()
        finally:
            call_command("flush", verbosity=0, interactive=False)
            REPLICAS.clear()
            presence_store.cache_clear()


@pytest.fixture(autouse=True)
def _forget_what_memory_holds() -> None:
    """Not here: the network outlives a test, and so does what memory holds of it."""


def test_a_node_is_found_by_cidr_among_fifty_thousand(huge: dict[str, Any]) -> None:
    with asgi_server() as url:
        cookie = session_cookie(huge["owner"], url)
        with window(cookie) as found:
            page = found.page
            page.goto(url + "/admin/nodes/node/")
            page.keyboard.press("/")
            page.keyboard.type("10.0.99.0/29")
            page.keyboard.press("Enter")
            names = page.locator("#changelist-form tbody .gw-subject")
            # 10.0.0.10 is the address before the first one's.
            expect(names).to_have_count(8)
            expected = {f"node-{99 * 256 - 10 + offset}" for offset in range(8)}
            assert set(names.all_inner_texts()) == expected
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            first = names.first.inner_text()
            names.first.click()
            page.wait_for_url("**/change/")
            expect(page.locator("main h2").first).to_contain_text(first)
        assert found.complaints == []


def test_pages_of_it_are_bounded(huge: dict[str, Any]) -> None:
    browser = Client()
    browser.force_login(huge["owner"])
    addresses = addresses_of(huge)
    for name in PAGES:
        with CaptureQueriesContext(connection) as captured:
            answer = browser.get(addresses[name])
        assert answer.status_code == 200, name
        assert len(captured) <= MOST_QUERIES, name
        assert len(answer.content) < MOST_BYTES, name
