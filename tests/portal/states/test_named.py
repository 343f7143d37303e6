"""On every page of the sample: times are marked up with their instant, and what is named leads to its page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.utils.dateparse import parse_datetime

from nodes.models import Node
from sessions_app.models import User
from tests.portal.sample import build
from tests.portal.screens import addresses_of

pytestmark = pytest.mark.django_db

# Where a name stands that leads nowhere, and why.
EXCEPTIONS = {
    "title": "the window's title",
    "option": "a choice of a form",
    "textarea": "what a person edits",
    "h1": "the page's own subject",
    "h2": "the page's own subject",
    "button": "an act by its whole name",
    "code": "a command to copy",
    "pre": "a document",
    "label": "a choice of a form",
}

PAGES = {
    "node": "the page is about it",
    "node-laptop": "the page is about it",
    "node-disable": "the line above leads there",
    "node-tags": "the line above leads there",
    "users": "the login in the same row leads there",
}
"""Pages that name something without a link, and why."""


class _Names(HTMLParser):
    """Texts with the tags that they stand in, and the times."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[tuple[str, tuple[str, ...]]] = []
        self.times: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "time":
            self.times.append(dict(attrs))
        if tag not in ("meta", "link", "input", "img", "br", "hr", "path", "circle", "rect", "line", "use", "col"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((data.strip(), tuple(self.open)))


def test_times_and_names() -> None:
    sample = build()
    browser = Client()
    browser.force_login(sample["owner"])
    people = list(User.objects.exclude(pk=sample["owner"].pk).values_list("display_name", flat=True))
    names = {*Node.objects.values_list("name", flat=True), *people}
    loose: dict[str, list[str]] = {}
    for page, path in addresses_of(sample).items():
        found = _read(browser.get(path), page)
        for time in found.times:
            at = parse_datetime(time.get("datetime") or "")
            assert at is not None and at.tzinfo is not None, (page, time)
            assert time.get("title") or "data-gw-axis" in time, (page, time)
        for text, inside in found.texts:
            if page not in PAGES and text in names and "a" not in inside and not EXCEPTIONS.keys() & set(inside):
                loose.setdefault(page, []).append(f"{text} in {'/'.join(inside[-4:])}")
    assert loose == {}


def _read(answer: Any, page: str) -> _Names:
    assert answer.status_code == (404 if page == "not-found" else 200), page
    found = _Names()
    main = re.search(r"<main.*</main>", answer.content.decode(), re.DOTALL)
    assert main is not None, page
    found.feed(main.group())
    return found
