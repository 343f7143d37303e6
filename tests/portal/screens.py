"""Pictures of all pages, light and dark, wide and at phone width, of a sample network.

``python -m tests.portal.screens FOLDER [PAGE ...]`` needs no server and no data of its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

PAGES = {
    "overview": "/admin/",
    "nodes": "/admin/nodes/node/",
    "nodes-empty": "/admin/nodes/node/?q=mongo-eu&tag=db",
    "node": "/admin/nodes/node/{node}/change/",
    "node-disable": "/admin/nodes/node/{router}/do/disable/",
    "node-tags": "/admin/nodes/node/{node}/do/tags/",
    "enrol": "/admin/sessions_app/authkey/",
    "enrol-add": "/admin/sessions_app/authkey/add/",
    "enrol-key": "/admin/sessions_app/authkey/{key}/change/",
    "routes": "/admin/nodes/route/",
    "sessions": "/admin/sessions_app/nodesession/",
    "settings": "/admin/nodes/network/{network}/change/",
    "access": "/admin/acl/aclrule/",
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
    "events": "/admin/nodes/change/",
    "event": "/admin/nodes/change/{change}/change/",
    "addresses": "/admin/nodes/address/",
    "retired": "/admin/nodes/retiredkey/",
    "records": "/admin/records/",
    "tokens": "/admin/sessions_app/apitoken/",
    "password": "/admin/password_change/",
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
    import django

    django.setup()
    from django.test.testcases import LiveServerThread
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.db import connections
    from django.test.utils import setup_databases, setup_test_environment

    from tests.portal.browser import PHONE, WIDE, session_cookie, window
    from tests.portal.sample import build

    setup_test_environment(debug=False)
    setup_databases(0, interactive=False)
    sample = build()
    connection = connections["default"]
    connection.inc_thread_sharing()
    server = LiveServerThread("127.0.0.1", StaticFilesHandler, connections_override={"default": connection})
    server.daemon = True
    server.start()
    server.is_ready.wait()
    url = f"http://127.0.0.1:{server.port}"
    cookie = session_cookie(sample["owner"], url)
    pages = {name: path for name, path in addresses_of(sample).items() if not wanted or name in wanted}
    for dark in (False, True):
        for size, prefix in ((WIDE, ""), (PHONE, "m-")):
            with window(cookie, size=size, dark=dark) as found:
                for name, path in pages.items():
                    found.page.goto(url + path)
                    found.page.evaluate("document.fonts.ready")
                    target = folder / f"{prefix}{name}-{'dark' if dark else 'light'}.png"
                    found.page.screenshot(path=target, full_page=bool(prefix))
                if found.complaints:
                    print(*found.complaints, sep="\n")  # noqa: T201 - a script
            if not wanted or "login" in wanted:
                with window(size=size, dark=dark) as found:
                    found.page.goto(url + "/admin/login/")
                    found.page.evaluate("document.fonts.ready")
                    found.page.screenshot(path=folder / f"{prefix}login-{'dark' if dark else 'light'}.png")
    server.terminate()


if __name__ == "__main__":
    main()
