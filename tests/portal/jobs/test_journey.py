"""A person finds machines by a CIDR, tags all that match, sees the job done, and takes it back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright._impl._api_structures import SetCookieParam
from pytest_django.live_server_helper import LiveServer

from coordinator.jobs.run import run_jobs
from nodes.models import Address, NodeTag
from sessions_app.models import User
from tests import factories as make
from tests.coordinator.jobs.fleet import tagged_nodes
from tests.portal.browser import session_cookie, window

CHROMIUM = Path("/usr/bin/chromium")
FLEET = 70

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]


@pytest.fixture
def cookie(transactional_db: None, live_server: LiveServer) -> SetCookieParam:
    network: Any = make.NetworkFactory(name="main", domain="mycompany.ghost")
    nodes = tagged_nodes(network, FLEET)
    Address.objects.bulk_create(
        make.AddressFactory.build(node=node, network=network, number=n + 2) for n, node in enumerate(nodes)
    )
    make.AddressFactory(node=make.NodeFactory(network=network), number=5000)
    owner: User = make.UserFactory(username="mara", role=User.Role.OWNER)
    return session_cookie(owner, live_server.url)


@pytest.fixture
def _unsafe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The browser's client runs a loop in this thread; the ORM may be asked all the same while it waits."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    yield


@pytest.mark.usefixtures("_unsafe")
def test_all_of_a_cidr_are_tagged_and_it_is_taken_back(cookie: SetCookieParam, live_server: LiveServer) -> None:
    with window(cookie) as found:
        page = found.page
        page.goto(live_server.url + "/admin/nodes/node/")
        page.keyboard.press("/")
        page.keyboard.type("10.1.0.0/24")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=10.1.0.0*")
        assert f"of {FLEET}" in page.inner_text("footer")
        page.click("input.action-select >> nth=1")
        page.click("input.action-select >> nth=4", modifiers=["Shift"])
        assert page.inner_text("[data-gw-count]") == "4 of 50 selected"
        page.keyboard.press("j")
        page.keyboard.press("x")
        assert page.inner_text("[data-gw-count]") == "5 of 50 selected"
        page.check("[data-gw-all]")
        assert page.inner_text("[data-gw-count]") == f"All {FLEET} that match"
        page.click("button[value=tags]")
        page.fill("input[name=tags]", "eu")
        page.click("text=Show what changes")
        assert page.is_disabled("#gw-start")
        page.check("input[name=sure]")
        page.click("#gw-start")
        page.wait_for_selector("text=Waits for a worker")
        run_jobs()
        page.reload()  # what a live page does by itself
        page.wait_for_selector(f"text={FLEET} changed")
        assert NodeTag.objects.filter(tag="tag:eu").count() == FLEET
        page.click("text=Undo")
        page.wait_for_selector("text=Undoes")
        run_jobs()
        page.reload()
        page.wait_for_selector(f"text={FLEET} changed")
        assert not NodeTag.objects.filter(tag="tag:eu").exists()
    assert found.complaints == []
