"""Pages of a network without anything, and of things that have no part: each says what is not there, and what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from coordinator.replica import current_state
from tests.portal.pages import read, text_of
from tests.portal.screens import PAGES, addresses_of
from tests.portal.screens.states import empty_network, one_bare_of_each

pytestmark = pytest.mark.django_db

MOST_QUERIES = 30
# The document reads every part of the policy, and of that all that it names: as often for a large one.
MORE_QUERIES = {"policy-file": 40}
# Of versions of the policy that this network never had, a code that no machine shows, and a page that is nowhere.
PYTHON = re.compile(r"\bNone, |\bFalse\b")
"""A value that nobody put into words."""
ABSENT = {"policy-version", "policy-restore", "not-found"}
# Lists and pages that must say in a heading that nothing is there, with what they say.
SAID = {
    "overview": "is ready and empty",
    "nodes": "run the line it gives you on a machine",
    "nodes-empty": "No node matches",
    "matrix": "No group and no tag has a node yet",
}


def _browser(sample: dict[str, Any]) -> Client:
    current_state(sample["network"].pk)  # as every process that serves pages has it
    browser = Client()
    browser.force_login(sample["owner"])
    return browser


def _look(browser: Client, name: str, path: str, absent: set[str]) -> str:
    with CaptureQueriesContext(connection) as captured:
        answer = browser.get(path)
    assert answer.status_code == (404 if name in absent else 200), name
    assert len(captured) <= MORE_QUERIES.get(name, MOST_QUERIES), (name, len(captured))
    assert read(answer).refused == [], name
    return text_of(answer)


def test_pages_of_an_empty_network() -> None:
    sample = empty_network()
    browser = _browser(sample)
    for name, path in addresses_of(sample).items():
        words = _look(browser, name, path, ABSENT | {"join"})
        assert SAID.get(name, "") in words, name
        assert not PYTHON.search(words), name


def test_pages_of_things_without_a_part() -> None:
    sample = empty_network()
    browser = _browser(sample)
    sample |= one_bare_of_each(sample["network"])
    current_state(sample["network"].pk)  # as every process that serves pages has it
    for name, path in addresses_of(sample).items():
        if "{" in PAGES[name]:
            words = _look(browser, name, path, ABSENT)
            assert not PYTHON.search(words), name
