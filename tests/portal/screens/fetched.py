"""What scripts of the portal fetch while a page is there: where, by which act, and from which address.

``part`` is what tells of it: it carries ``aria-busy`` while the answer is on its way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page, Route, expect

from tests.portal.screens.camera import Act

WAIT_MS: Final = 100
"""Within this something shows."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """One of them."""

    name: str
    path: str
    address: str
    act: Act
    part: str


def _nothing(page: Page) -> None:
    """The page asks by itself."""


def _choose_node(page: Page) -> None:
    page.wait_for_selector("[data-gw-drawn]")
    page.fill("[data-gw-search]", "ana-lap")
    page.click("[role=option] >> text=ana-laptop")


def _find_node(page: Page) -> None:
    page.wait_for_selector("[data-gw-drawn]")
    page.fill("[data-gw-search]", "ana-lap")


def _choose_cell(page: Page) -> None:
    page.click("a.gw-heat-cell:not([aria-current]):visible, a.gw-heat-line:visible >> nth=0")


def _edit_rule(page: Page) -> None:
    expect(page.locator("#gw-editor[data-ready]")).to_be_attached()
    page.get_by_role("button", name="Move rule 2").press("Alt+ArrowUp")


def _name_source(page: Page) -> None:
    expect(page.locator("#gw-editor[data-ready]")).to_be_attached()
    page.keyboard.press("n")
    page.get_by_label("Source").press_sequentially("tag:c")


def _explain(page: Page) -> None:
    _edit_rule(page)
    page.click("button:has-text('Explain')")


def _review(page: Page) -> None:
    _edit_rule(page)
    page.keyboard.press("Control+s")


def _type_file(page: Page) -> None:
    page.locator("#gw-document").press_sequentially("// ")


def _palette(page: Page) -> None:
    page.keyboard.press("Control+k")


FETCHES: Final = (
    Fetch("topology", "/admin/topology/", "**/topology/graph/**", _nothing, "[data-gw-stage]"),
    Fetch("topology-node", "/admin/topology/", "**/topology/reach/**", _choose_node, "[data-gw-panel]"),
    Fetch("topology-find", "/admin/topology/", "**/topology/find/**", _find_node, ".gw-topo-tools .gw-search"),
    Fetch("matrix-cell", "/admin/access/matrix/", "**/access/matrix/?*from*", _choose_cell, ".gw-heatcard a"),
    Fetch("access-editor", "/admin/access/", "**/access/state/**", _nothing, "#gw-rules"),
    Fetch("access-preview", "/admin/access/", "**/access/preview/**", _edit_rule, "#gw-preview"),
    Fetch("access-review", "/admin/access/", "**/access/preview/**", _review, "#gw-preview"),
    Fetch("access-names", "/admin/access/", "**/access/names/**", _name_source, ".gw-combo"),
    Fetch(
        "access-explain",
        "/admin/access/?from=ana-laptop&to=web-1&on=tcp/443",
        "**/access/explain/**",
        _explain,
        "#gw-explain-answer",
    ),
    Fetch("policy-file", "/admin/access/file/", "**/access/file/state/**", _type_file, "#gw-filestate"),
    Fetch("policy-version", "/admin/access/history/36/", "**/access/history/**/effect/**", _nothing, "#gw-effect"),
    Fetch("palette", "/admin/", "**/admin/palette/**", _palette, ".gw-palette"),
)


def hold(address: str) -> Act:
    """Requests to ``address`` get no answer."""

    def before(page: Page) -> None:
        page.route(address, _keep)

    return before


def cut(address: str) -> Act:
    """Requests to ``address`` fail as if the portal were gone."""

    def before(page: Page) -> None:
        page.route(address, lambda route: route.abort("connectionrefused"))

    return before


def _keep(route: Route) -> None:
    """Neither answered nor refused."""
