from __future__ import annotations

import shutil

import pytest
import yaml
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.portal.browser import window

SCROLLED_TO = """path => {
  const found = document.querySelector(`[data-path="${path}"]`);
  if (!found) scrollBy(0, 400);
  return Boolean(found);
}"""


@pytest.mark.django_db
def test_the_schema_describes_the_protocols_calls(client: Client) -> None:
    schema = yaml.safe_load(client.get("/api/v1/schema/").content)

    assert {"/api/v1/server", "/api/v1/nodes/challenge", "/api/v1/nodes/register"} <= set(schema["paths"])
    assert schema["info"]["title"] == "GhostWire"


@pytest.mark.django_db
def test_the_docs_are_served_from_here_alone(client: Client) -> None:
    page = client.get("/api/v1/docs/").content.decode()

    assert "http://" not in page.replace("http://testserver", "")
    assert "https://" not in page
    assert "<style" not in page
    assert "style=" not in page


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium (Debian package chromium) is not installed")
@pytest.mark.django_db(transaction=True)
def test_a_browser_shows_them_under_the_security_policy(live_server: LiveServer) -> None:
    with window() as shown:
        shown.page.goto(f"{live_server.url}/api/v1/docs/")
        shown.page.get_by_text("/api/v1/admin/acl/groups").first.wait_for(timeout=20_000)
        # Calls are drawn as they come into sight.
        for path in ("/api/v1/nodes/register", "/api/v1/server"):
            shown.page.wait_for_function(SCROLLED_TO, arg=path)
        shown.page.locator('[data-path="/api/v1/server"]').first.click()
        shown.page.get_by_text("Responses").first.wait_for(timeout=20_000)

        assert shown.complaints == []
