"""The topology in a real browser: find a node, see whom it reaches, take the picture home, open the node."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.portal.browser import session_cookie, window
from tests.portal.sample import build

CHROMIUM = Path("/usr/bin/chromium")
SVG = "{http://www.w3.org/2000/svg}"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]


@pytest.fixture
def sample(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    # Under the strict policy, whatever else is allowed under /admin/.
    monkeypatch.setattr("ghostwire_site.csp.ADMIN", "/nowhere/", raising=False)
    return build()


def test_a_node_is_found_its_reach_seen_exported_and_opened(
    sample: dict[str, Any], live_server: LiveServer, tmp_path: Path
) -> None:
    laptop = sample["laptop"]
    with window(session_cookie(sample["owner"], live_server.url)) as found:
        page = found.page
        page.goto(live_server.url + "/admin/topology/")
        page.wait_for_selector("[data-gw-drawn]")
        assert "tag:k8s" in page.inner_text("[data-gw-panel]")
        page.keyboard.press("/")
        page.keyboard.type("ana-lap")
        page.wait_for_selector("[role=option] >> text=ana-laptop")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-gw-panel] >> text=Open node")
        assert page.url.endswith(f"?node={laptop.pk}")
        said = page.inner_text("[data-gw-panel]")
        assert "ana-ipad" in said
        pairs = page.inner_text("[data-gw-pairs]")
        page.click("text=Export")
        with page.expect_download() as download:
            page.click("[data-gw-tool=svg]")
        download.value.save_as(tmp_path / "topology.svg")
        page.click("text=Export")
        with page.expect_download() as download:
            page.click("[data-gw-tool=png]")
        download.value.save_as(tmp_path / "topology.png")
        page.click("[data-gw-panel] >> text=Open node")
        page.wait_for_url(f"**/node/{laptop.pk}/change/")
        page.goto(live_server.url + "/admin/topology/?view=table")
        assert pairs in page.inner_text(".gw-footer")
    assert found.complaints == []
    drawing = ET.parse(tmp_path / "topology.svg").getroot()
    titles = [title.text or "" for title in drawing.iter(f"{SVG}title")]
    assert any(title.startswith("ana-laptop, ") for title in titles)
    assert any("tag:k8s" in (text.text or "") for text in drawing.iter(f"{SVG}text"))
    assert not list(drawing.iter(f"{SVG}image")) and not list(drawing.iter(f"{SVG}style"))
    assert (tmp_path / "topology.png").read_bytes().startswith(b"\x89PNG")
