"""What a page shows when something fails, and the pages that say so by themselves."""

from __future__ import annotations

from typing import Any, Final

from playwright.sync_api import Page

from tests.portal.screens import addresses_of
from tests.portal.screens.camera import Act, Shot
from tests.portal.screens.fetched import FETCHES, Fetch, cut

_FORMS: Final = (
    "enrol",
    "approval-do",
    "policy-test",
    "settings",
    "rule",
    "rule-add",
    "user",
    "user-add",
    "group",
    "group-add",
    "tag-add",
    "host-add",
    "region",
    "region-add",
    "server-add",
    "dns-add",
    "node-tags",
    "account-device",
    "account-tokens",
    "account-security",
    "password",
    "join-code",
)
_ADDS: Final = {
    "user-add": "/admin/sessions_app/user/add/",
    "group-add": "/admin/acl/group/add/",
    "tag-add": "/admin/acl/tagowner/add/",
    "host-add": "/admin/acl/host/add/",
    "region-add": "/admin/nodes/relayregion/add/",
    "server-add": "/admin/nodes/relayserver/add/",
    "dns-add": "/admin/nodes/dnsrecord/add/",
}
# Wrong in each field that takes words, and sent although the browser would hold some of it back.
_SEND_NONSENSE: Final = """() => {
  const form = document.querySelector("main form[method=post]:not(.gw-end)");
  for (const field of form.querySelectorAll("input, textarea")) {
    if (field.type === "checkbox" || field.type === "radio" || field.type === "hidden" || field.readOnly) continue;
    const known = { "datetime-local": "1999-01-01T00:00", number: "-7", date: "1999-01-01" };
    field.value = known[field.type] ?? "?? no : such, 999";
  }
  form.noValidate = true;
  const sent = [...form.querySelectorAll("button")].filter((button) => button.type === "submit").at(-1);
  if (sent) sent.disabled = false;
  form.requestSubmit(sent);
}"""


def _fails(fetch: Fetch) -> Act:
    def act(page: Page) -> None:
        fetch.act(page)
        page.wait_for_timeout(700)

    return act


def _stale(page: Page) -> None:
    """No socket opens."""
    page.route_web_socket("**/ws/**", lambda socket: socket.close())


def _until_stale(page: Page) -> None:
    page.wait_for_selector(".gw-live-stale")


def _nonsense(page: Page) -> None:
    with page.expect_navigation():
        page.evaluate(_SEND_NONSENSE)


def _forge(page: Page) -> None:
    page.evaluate("document.querySelector('main [name=csrfmiddlewaretoken]').value = ''")
    page.evaluate("document.querySelector('main form[method=post]').submit()")
    page.wait_for_selector(".gw-plain-code")


def _guess(page: Page) -> None:
    for _ in range(11):
        page.fill("#id_username", "somebody")
        page.fill("#id_password", "wrong")
        with page.expect_navigation():
            page.click("button[type=submit]")


FAULTS: Final = [
    *(Shot(f"{fetch.name}-failed", fetch.path, _fails(fetch), cut(fetch.address)) for fetch in FETCHES),
    Shot("nodes-stale", "/admin/nodes/node/", _until_stale, _stale),
    Shot("overview-stale", "/admin/", _until_stale, _stale),
    Shot("not-found", "/nowhere/", before=lambda page: None),
    Shot("node-gone", "/admin/nodes/node/999999/change/", before=lambda page: None),
    Shot("form-expired", "/admin/acl/aclrule/add/", _forge),
]
ANYBODY: Final = [Shot("login-wrong", "/login/", _nonsense), Shot("login-throttled", "/login/", _guess)]


def wrong_input(sample: dict[str, Any]) -> list[Shot]:
    """Every form, with nonsense in each field."""
    pages = addresses_of(sample) | _ADDS
    return [Shot(f"{name}-wrong", pages[name], _nonsense) for name in _FORMS]


def denied_faults(sample: dict[str, Any]) -> list[Shot]:
    """For somebody who may change nothing."""
    pages = addresses_of(sample)
    return [Shot(f"{name}-denied", pages[name]) for name in ("rule-add", "node-disable", "enrol", "settings")]


def away_faults(sample: dict[str, Any]) -> list[Shot]:
    """While the database is away."""
    pages = addresses_of(sample)
    still = {"before": lambda page: None}
    return [Shot(f"{name}-away", pages[name], **still) for name in ("overview", "nodes", "account")]
