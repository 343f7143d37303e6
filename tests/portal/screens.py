"""Pictures of all pages, light and dark, wide and at phone width, of a sample network.

``python -m tests.portal.screens FOLDER [PAGE ...]`` needs no server and no data of its own. The page ``start`` shows
the first steps of an empty network, and is taken only when it is named.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import django
from playwright._impl._api_structures import SetCookieParam

PAGES = {
    "overview": "/admin/",
    "nodes": "/admin/nodes/node/",
    "nodes-empty": "/admin/nodes/node/?q=mongo-eu&tag=db",
    "node": "/admin/nodes/node/{node}/change/",
    "node-laptop": "/admin/nodes/node/{laptop}/change/",
    "node-reach": "/admin/nodes/node/{node}/reach/out/",
    "node-map": "/admin/nodes/node/{node}/map/",
    "node-disable": "/admin/nodes/node/{router}/do/disable/",
    "node-tags": "/admin/nodes/node/{laptop}/do/tags/",
    "topology": "/admin/topology/",
    "topology-node": "/admin/topology/?node={laptop}",
    "topology-class": "/admin/topology/?by=class",
    "topology-table": "/admin/topology/?view=table",
    "enrol": "/admin/enrol/",
    "enrol-follow": "/admin/enrol/{key}/",
    "enrol-keys": "/admin/sessions_app/authkey/",
    "enrol-key": "/admin/sessions_app/authkey/{key}/change/",
    "approvals": "/admin/sessions_app/enrolment/",
    "approval": "/admin/sessions_app/enrolment/{waiting}/change/",
    "approval-do": "/admin/sessions_app/enrolment/{waiting}/do/approve/",
    "join-code": "/enrol/",
    "join": "/enrol/BCDF-GHJK",
    "routes": "/admin/nodes/route/",
    "sessions": "/admin/sessions_app/nodesession/",
    "policy-tests": "/admin/access/tests/",
    "policy-test": "/admin/access/tests/add/",
    "policy-file": "/admin/access/file/",
    "policy-history": "/admin/access/history/",
    "policy-version": "/admin/access/history/37/",
    "policy-restore": "/admin/access/history/36/restore/",
    "versions": "/admin/acl/policyversion/",
    "settings": "/admin/nodes/network/{network}/change/",
    "access": "/admin/access/?from=ana-laptop&to=web-1&on=tcp/443",
    "matrix": "/admin/access/matrix/?from=group:eng&to=tag:web",
    "matrix-table": "/admin/access/matrix/?view=table",
    "rule": "/admin/acl/aclrule/{rule}/change/",
    "rule-add": "/admin/acl/aclrule/add/",
    "users": "/admin/sessions_app/user/",
    "user": "/admin/sessions_app/user/{user}/change/",
    "groups": "/admin/acl/group/",
    "group": "/admin/acl/group/{group}/change/",
    "tags": "/admin/acl/tagowner/",
    "hosts": "/admin/acl/host/",
    "relays": "/admin/nodes/relayregion/",
    "region": "/admin/nodes/relayregion/{region}/change/",
    "dns": "/admin/nodes/dnsrecord/",
    "jobs": "/admin/nodes/job/",
    "job-plan": "/admin/nodes/job/{job_plan}/change/",
    "job-tags": "/admin/nodes/job/{job_tags}/change/",
    "job-running": "/admin/nodes/job/{job_running}/change/",
    "job-done": "/admin/nodes/job/{job_done}/change/",
    "events": "/admin/nodes/change/",
    "event-audit": "/admin/nodes/change/?kind=access",
    "event": "/admin/nodes/change/{change}/change/",
    "addresses": "/admin/nodes/address/",
    "retired": "/admin/nodes/retiredkey/",
    "records": "/admin/records/",
    "tokens": "/admin/sessions_app/apitoken/",
    "password": "/admin/password_change/",
    "account": "/account/",
    "account-device": "/account/devices/{own}/",
    "account-delete": "/account/devices/{own}/delete/",
    "account-tokens": "/account/tokens/",
    "account-security": "/account/security/",
    "welcome": "/welcome/",
    "not-found": "/nowhere/",
}


def addresses_of(sample: dict[str, Any]) -> dict[str, str]:
    """The pages of a sample network, by name."""
    ids = {name: row.pk for name, row in sample.items() if hasattr(row, "pk")}
    return {name: path.format(**ids) for name, path in PAGES.items()}


def main() -> None:
    """Build the sample in a test database, serve it from this process, and take the pictures."""
    folder, wanted = Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.portal.served import served

    empty = "start" in wanted
    with served(empty=empty) as (url, cookie, sample):
        pages = {"start": "/admin/"} if empty else addresses_of(sample)
        for dark in (False, True):
            for prefix in ("", "m-"):
                chosen = {name: path for name, path in pages.items() if not wanted or name in wanted}
                _shoot(folder, url, cookie, chosen, dark=dark, prefix=prefix)


def _shoot(folder: Path, url: str, cookie: SetCookieParam, pages: dict[str, str], *, dark: bool, prefix: str) -> None:
    from tests.portal.browser import PHONE, WIDE, window

    theme, size = "dark" if dark else "light", PHONE if prefix else WIDE
    with window(cookie, size=size, dark=dark) as found:
        for name, path in pages.items():
            found.page.goto(url + path)
            found.page.evaluate("document.fonts.ready")
            found.page.wait_for_function("!document.querySelector('[data-gw-live-badge][hidden]')")
            if found.page.query_selector("[data-gw-topology]"):
                found.page.wait_for_selector("[data-gw-drawn]")
            found.page.screenshot(path=folder / f"{prefix}{name}-{theme}.png", full_page=bool(prefix))
            if name == "start":
                found.page.click("text=Make a key")
                found.page.wait_for_selector(".gw-command")
                found.page.screenshot(path=folder / f"{prefix}{name}-key-{theme}.png", full_page=bool(prefix))
                found.page.goto(url + "/admin/")
        print(*found.complaints, sep="\n", end="\n" if found.complaints else "")  # noqa: T201 - a script
    with window(size=size, dark=dark) as found:
        found.page.goto(url + "/admin/login/")
        found.page.evaluate("document.fonts.ready")
        found.page.screenshot(path=folder / f"{prefix}login-{theme}.png")


if __name__ == "__main__":
    main()
