"""The portal on a port of its own with a sample network, for scripts outside the test runner."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from django.test.utils import setup_databases, setup_test_environment
from playwright._impl._api_structures import SetCookieParam

from coordinator.tail import TAIL
from portal.sockets.newsroom import NEWSROOM
from sessions_app.models import User
from tests import factories as make
from tests.portal.browser import session_cookie
from tests.portal.sample import build
from tests.services.processes import wait_until


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
    with asgi_server() as url:
        yield url, session_cookie(sample["owner"], url), sample


@contextmanager
def asgi_server() -> Iterator[str]:
    """The whole application, sockets included, on a port of its own in a thread; yields its address."""
    from ghostwire_site.asgi import application

    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="portal", daemon=True)
    thread.start()
    wait_until(lambda: server.started, seconds=30, what="the server")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        NEWSROOM.stop()
        TAIL.stop()
        server.should_exit = True
        thread.join(30)
