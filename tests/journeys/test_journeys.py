"""The journeys of an administrator, each in a browser and with real machines, in the order in which they are made.

From the first login to two machines that ping each other; a third that asks to be let in; a rule, its preview and what
it does to packets; why a flow is denied; the way back to the policy before; a session that was stolen.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from demo.lab import why_unavailable
from tests.journeys.place import SOON, Place, furnished

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="chromium is not installed"),
]
expect.set_options(timeout=SOON)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    lacks = why_unavailable()
    if lacks is not None:
        pytest.skip(f"A lab of network namespaces {lacks}.")
    with furnished(tmp_path_factory.mktemp("journeys")) as made:
        yield made
        assert made.complaints == []


def reload_is_noticed(page: Page) -> None:
    """From here on the page must follow by itself: a mark that no reload would leave."""
    page.evaluate("window.stayed = true")


def it_stayed(page: Page) -> bool:
    return bool(page.evaluate("window.stayed === true"))


def test_from_the_first_login_to_the_first_machine(place: Place) -> None:
    page = place.go("/admin/")
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(place.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="mycompany.ghost is ready and empty")).to_be_visible()
    page.get_by_role("button", name="Make a key for the first machines").click()
    line = page.locator(".gw-command code").inner_text()
    reload_is_noticed(page)
    place.run_line("alpha", line)
    alpha = page.locator(".gw-coming", has_text="alpha")
    expect(alpha.locator(".gw-track-done")).to_have_count(3)
    expect(alpha).to_contain_text("nobody to ping yet")
    expect(page.locator("#start-second")).to_contain_text("Run the same line on a second machine.")
    assert it_stayed(page)
    assert page.locator(".gw-command code").inner_text() == line


def test_a_second_machine_is_approved_and_they_ping(place: Place) -> None:
    page = place.go("/admin/nodes/network/1/change/")
    page.get_by_label("Approve each new node").check()
    page.get_by_role("button", name="Save").click()
    page.goto(place.story.url + "/admin/enrol/")
    page.get_by_label("Name").fill("second machine")
    page.get_by_role("button", name="Make the key").click()
    line = page.locator(".gw-command code").inner_text()
    reload_is_noticed(page)
    place.run_line("beta", line, is_let_in=False)
    beta = page.locator(".gw-coming", has_text="beta")
    expect(beta).to_contain_text("Asks for approval")
    beta.get_by_role("button", name="Approve").click()
    expect(beta).to_contain_text("In the mesh")
    expect(beta.locator(".gw-track-done")).to_have_count(5)
    expect(beta.locator(".gw-track li").last).to_contain_text(re.compile(r"alpha in [\d.]+\sms"))
    assert it_stayed(page)
    assert page.locator(".gw-command code").inner_text() == line
    assert place.pings("alpha", "beta") and place.pings("beta", "alpha")
    page.reload()
    expect(page.locator(".gw-command")).to_have_count(0)


def test_a_machine_without_a_key_is_compared_and_let_in(place: Place) -> None:
    page = place.go("/admin/sessions_app/enrolment/")
    reload_is_noticed(page)
    asking = place.ask_to_join("gamma")
    code = asking.read_until(r"code +(\S+)")[1]
    fingerprint = asking.read_until(r"fingerprint +(\S.*\S)")[1]
    row = page.get_by_role("row", name=re.compile("gamma"))
    expect(row).to_contain_text(code)
    assert it_stayed(page)
    row.get_by_role("link", name="gamma").click()
    expect(page.locator(".gw-facts").first).to_contain_text(fingerprint)
    page.get_by_role("link", name="Approve").click()
    expect(page.locator(".gw-dialog")).to_contain_text(fingerprint)
    page.get_by_label("Tags").fill("lab")
    page.get_by_role("button", name="Approve").click()
    asking.read_until("gamma.mycompany.ghost is up on")
    assert asking.end() == 0
    page.goto(place.story.url + "/admin/nodes/node/?tag=lab")
    expect(page.get_by_role("row", name=re.compile("gamma"))).to_contain_text("Online")


def test_a_rule_is_written_weighed_and_put_in_force(place: Place) -> None:
    assert not place.pings("alpha", "gamma")
    hearing = place.story.talk("alpha", "beta", 9000)
    page = place.go("/admin/access/")
    page.wait_for_selector("#gw-editor[data-ready=yes]", state="attached")
    _write_rule(page, "Accept", ["alpha"], ["gamma"])
    _write_rule(page, "Deny", ["alpha", "beta"], ["alpha", "beta"])
    preview = page.locator("#gw-preview")
    expect(preview.locator(".gw-figures")).to_have_text(
        re.compile(r"\+1\s*pair gained\s*−1\s*pair lost\s*3\s*agents told")
    )
    expect(preview.locator(".gw-pairs")).to_contain_text(
        [re.compile("alpha — +and beta"), re.compile("alpha — +and gamma")]
    )
    page.keyboard.press("Control+s")
    page.keyboard.type("A lab that alpha looks after")
    with page.expect_response(lambda answer: "/access/apply/" in answer.url) as answered:
        page.keyboard.press("Enter")
    assert answered.value.ok
    place.story.cut(hearing, time.monotonic(), "alpha → beta")
    assert not place.pings("alpha", "beta")
    place.until(partial(place.pings, "alpha", "gamma"), "alpha reaches gamma")
    # It takes a peer from the editor's own machines, so it is on trial unless somebody says otherwise.
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".gw-messages")).to_contain_text("stays")


def _write_rule(page: Page, action: str, sources: list[str], destinations: list[str]) -> None:
    """A rule in the editor, by the keyboard alone, and moved to the front."""
    page.keyboard.press("n")
    for names in (sources, destinations):
        for name in names:
            page.keyboard.type(name)
            expect(page.get_by_role("option", name=f"node:{name}", selected=True)).to_be_visible()
            page.keyboard.press("Enter")
        page.keyboard.press("Tab")
    page.locator(".gw-ruleform").get_by_label("Action").select_option(action)
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+ArrowUp")


def test_a_denial_is_explained_and_leads_to_its_rule(place: Place) -> None:
    page = place.go("/admin/access/")
    page.get_by_label("From").fill("alpha")
    page.get_by_label("To", exact=True).fill("beta")
    page.get_by_label("On", exact=True).fill("tcp/22")
    page.keyboard.press("Enter")
    answer = page.locator("#gw-explain-answer")
    expect(answer).to_contain_text("Denied")
    answer.locator(".gw-answer-word a").click()
    rule = page.locator(f"[id='{page.url.rpartition('#')[2]}']")
    expect(rule).to_contain_text("beta")
    expect(rule).to_contain_text("deny")
    expect(rule).to_be_in_viewport()


def test_the_policy_before_brings_back_what_it_allowed(place: Place) -> None:
    page = place.go("/admin/access/history/")
    page.get_by_role("row").nth(2).get_by_role("link").first.click()
    page.get_by_role("link", name=re.compile("Go back")).click()
    _tick_all(page)
    page.get_by_role("button", name="Go back").click()
    expect(page.locator(".gw-messages")).to_be_visible()
    place.until(partial(place.pings, "alpha", "beta"), "alpha reaches beta again")
    place.until(lambda: not place.pings("alpha", "gamma"), "alpha does not reach gamma any more")


def _tick_all(page: Page) -> None:
    """The damage is in words, and whoever does it ticks them."""
    for tick in page.locator("main form input[type=checkbox]").all():
        tick.check()


def test_a_stolen_session_is_ended(place: Place) -> None:
    key = place.key("beta")
    assert key in place.peers("alpha")
    page = place.go("/admin/nodes/node/?q=beta")
    page.get_by_role("link", name="beta").first.click()
    address = page.url
    with page.context.new_page() as other:
        other.goto(address)
        expect(other.locator("#gw-session")).to_contain_text("Revoke")
        reload_is_noticed(other)
        page.locator("#gw-session").get_by_role("link", name="Revoke").click()
        _tick_all(page)
        page.get_by_role("button", name="Revoke").click()
        place.until(lambda: key not in place.peers("alpha"), "alpha drops beta")
        place.until(lambda: not place.status("beta")["peers"], "beta is cut off itself")
        assert not place.pings("alpha", "beta")
        other.bring_to_front()
        expect(other.locator("#gw-session")).to_contain_text("Revoked")
        expect(other.locator("main")).to_contain_text("Log in again")
        assert it_stayed(other)
