"""The portal on a port of its own with a sample network, for scripts outside the test runner."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import uvicorn
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from django.test.utils import setup_databases, setup_test_environment
from playwright._impl._api_structures import SetCookieParam

from coordinator.tail import TAIL
from portal.sockets.newsroom import NEWSROOM
from tests.portal.browser import session_cookie
from tests.services.processes import wait_until


@contextmanager
def served(build: Callable[[], dict[str, Any]]) -> Iterator[tuple[str, SetCookieParam, dict[str, Any]]]:
    """Yields the address, the cookie of the sample's owner, and the sample as ``build`` makes it."""
    setup_test_environment(debug=False)
    setup_databases(0, interactive=False)
    sample = build()
    with asgi_server() as url:
        yield url, session_cookie(sample["owner"], url), sample


@contextmanager
def database_away() -> Iterator[None]:
    """No statement is answered, whichever thread asks."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("connection refused")

    with patch.object(CursorWrapper, "execute", refuse):
        yield


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
