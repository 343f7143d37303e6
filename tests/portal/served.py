"""The portal on a port of its own with a sample network, for scripts outside the test runner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connections
from django.test.testcases import LiveServerThread
from django.test.utils import setup_databases, setup_test_environment
from playwright._impl._api_structures import SetCookieParam

from sessions_app.models import User
from tests import factories as make
from tests.portal.browser import session_cookie
from tests.portal.sample import build


@contextmanager
def served(*, empty: bool = False) -> Iterator[tuple[str, SetCookieParam, dict[str, Any]]]:
    """Yields the address, the cookie of an owner, and the sample; ``empty``: a network without a machine."""
    setup_test_environment(debug=False)
    setup_databases(0, interactive=False)
    if empty:
        network = make.NetworkFactory(name="main", domain="mycompany.ghost", ipv4_range="10.1.0.0/23")
        make.AclRuleFactory(network=network, position=1, name="own devices")
        sample = {"owner": make.UserFactory(username="mara", display_name="Mara Lindqvist", role=User.Role.OWNER)}
    else:
        sample = build()
    connection = connections["default"]
    connection.inc_thread_sharing()
    server = LiveServerThread("127.0.0.1", StaticFilesHandler, connections_override={"default": connection})
    server.daemon = True
    server.start()
    server.is_ready.wait()
    url = f"http://127.0.0.1:{server.port}"
    try:
        yield url, session_cookie(sample["owner"], url), sample
    finally:
        server.terminate()
