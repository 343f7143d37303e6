"""The topology and the matrix in a real browser: find a node, see whom it reaches, take the picture home, open the
node; move between cells by arrow keys, and open one's rules without leaving the page."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.db import connections
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from acl.models import AclRule
from acl.services.rules import update_rule
from mesh.change import Cause
from tests.factories import NOW
from tests.portal.browser import session_cookie, window
from tests.portal.sample import build

CHROMIUM = Path("/usr/bin/chromium")
SVG = "{http://www.w3.org/2000/svg}"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]


ACT: dict[str, Any] = {"cause": Cause.command(), "now": NOW, "forced": True}
# The server of this test has no sockets.
NO_SOCKET = re.compile(r"error: WebSocket connection to 'ws://[^']+/ws/v1/portal/[^']*' failed: .*")
FILES = {"topology.svg": "image/svg+xml", "topology.png": "image/png"}
# How far two pictures are from each other, of 1, looked at from so far away that letters do not matter.
DIFFERENCE = """async (files) => {
  const pixels = await Promise.all(files.map(async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: 200, height: 200 });
    const ctx = canvas.getContext("2d");
    ctx.imageSmoothingQuality = "high";
    ctx.drawImage(image, 0, 0, 200, 200);
    return ctx.getImageData(0, 0, 200, 200).data;
  }));
  return pixels[0].reduce((sum, value, at) => sum + Math.abs(value - pixels[1][at]), 0) / pixels[0].length / 255;
}"""


def data_url(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{b64encode(path.read_bytes()).decode()}"


def choose_a_cell(page: Page, url: str) -> None:
    page.goto(url + "/admin/access/matrix/")
    page.focus(".gw-heat td a >> nth=0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    named = page.evaluate("document.activeElement.title")
    assert named.startswith("group:admins to group:admins: everything, ")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-gw-cell] >> text=Everyone reaches their own devices")
    assert "from=group%3Aadmins" in page.url
    assert page.evaluate("document.querySelectorAll('.gw-heat-cell[aria-current]').length") == 1
    page.reload()
    assert page.is_visible("[data-gw-cell] >> text=Everyone reaches their own devices")


@pytest.fixture
def sample(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    # Under the strict policy, whatever else is allowed under /admin/.
    monkeypatch.setattr("ghostwire_site.csp.ADMIN", "/nowhere/", raising=False)
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
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
        assert "And 15 nodes at other times" in said or "Reaches 16 nodes" in said  # Rule 5 holds on weekdays.
        pairs = page.inner_text("[data-gw-pairs]")
        page.click("text=Export")
        with page.expect_download() as download:
            page.click("[data-gw-tool=svg]")
        download.value.save_as(tmp_path / "topology.svg")
        page.click("text=Export")
        with page.expect_download() as download:
            page.click("[data-gw-tool=png]")
        download.value.save_as(tmp_path / "topology.png")
        # Another's change is seen without loading the page again.
        update_rule(rule_id=AclRule.objects.get(position=1).pk, fields={"enabled": False}, **ACT)
        page.evaluate("document.dispatchEvent(new CustomEvent('gw:live', { detail: { type: 'policy' } }))")
        expect(page.locator("[data-gw-pairs]")).not_to_have_text(pairs, timeout=30_000)
        pairs = page.inner_text("[data-gw-pairs]")
        assert page.inner_text("[data-gw-panel] h2") == "ana-laptop"
        page.click("[data-gw-panel] >> text=Open node")
        page.wait_for_url(f"**/node/{laptop.pk}/change/")
        page.goto(live_server.url + "/admin/topology/?view=table")
        assert pairs in page.inner_text(".gw-footer")
        choose_a_cell(page, live_server.url)
        page.goto("about:blank")
        files = [data_url(tmp_path / name, kind) for name, kind in FILES.items()]
        assert page.evaluate(DIFFERENCE, files) < 0.013  # Letters are others: fonts are not in the file.
        connections.close_all()  # Beside the browser's loop they are others than the fixtures know of.
    assert [said for said in found.complaints if NO_SOCKET.fullmatch(said) is None] == []
    drawing = ET.parse(tmp_path / "topology.svg").getroot()
    titles = [title.text or "" for title in drawing.iter(f"{SVG}title")]
    assert any(title.startswith("ana-laptop, ") for title in titles)
    assert any("tag:k8s" in (text.text or "") for text in drawing.iter(f"{SVG}text"))
    assert not list(drawing.iter(f"{SVG}image")) and not list(drawing.iter(f"{SVG}style"))
    assert (tmp_path / "topology.png").read_bytes().startswith(b"\x89PNG")
