"""Static files as a server hands them out: modules import each other by names that change with what is in them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from tests.portal.browser import window
from tests.services.statics import collected

IMPORTED = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["'](\.[^"']+)["']""")
HASHED = re.compile(r"\.[0-9a-f]{12}\.js$")


@pytest.fixture(scope="module")
def statics() -> Path:
    return collected() / "static"


def names(statics: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((statics / "staticfiles.json").read_text())["paths"]
    return found


def test_modules_import_names_that_change_with_the_file(statics: Path) -> None:
    imports = [
        (stored, said)
        for path, stored in names(statics).items()
        if path.startswith("portal/js/")
        for said in IMPORTED.findall((statics / stored).read_text())
    ]
    assert len(imports) > 10
    for importer, said in imports:
        assert HASHED.search(said), (importer, said)
        assert (statics / importer).parent.joinpath(said).resolve().is_file()


@pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="chromium is not installed")
def test_a_browser_loads_all_modules_of_a_page_by_such_names(statics: Path) -> None:
    asked: list[str] = []

    def answer(route: Route) -> None:
        path = route.request.url.split("portal.test/", 1)[1]
        if not path:
            policy = {"Content-Security-Policy": "default-src 'none'; script-src 'self'"}
            route.fulfill(body="<!doctype html><title>x</title>", content_type="text/html", headers=policy)
            return
        asked.append(path)
        route.fulfill(path=statics / path, content_type="text/javascript")

    with window() as found:
        found.page.route("http://portal.test/**", answer)
        found.page.goto("http://portal.test/")
        stored = names(statics)
        # Of the topology all but the one that begins to draw as it is loaded.
        names_of = ("files", "picture", "panel", "model", "search")
        exported = load(found.page, [stored[f"portal/js/topology/{name}.js"] for name in names_of])
    assert {"svgOf", "Picture", "showNode", "modelOf", "search"} <= exported
    assert found.complaints == []
    assert len(asked) >= 8
    assert all(HASHED.search(path) for path in asked)


def load(page: Page, paths: list[str]) -> set[str]:
    script = """async (paths) => {
      const loaded = await Promise.all(paths.map((path) => import(`/${path}`)));
      return loaded.flatMap((module) => Object.keys(module));
    }"""
    return set(page.evaluate(script, paths))
