"""Sockets without a server: a browser's handshake, the newsroom's look when a test says so, and what comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator  # type: ignore[import-untyped]
from django.conf import settings
from django.db import connections
from django.test import Client

from coordinator.pulse import Pulse
from coordinator.tail import Tail
from ghostwire_site.sockets import sockets
from portal.sockets import consumers
from portal.sockets.newsroom import NEWSROOM
from sessions_app.models import User
from tests import factories as make
from tests.fixtures import at_once

HOST = "192.168.1.5:8080"
ORIGIN = f"http://{HOST}"


@pytest.fixture(autouse=True)
def _one_connection(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop asks the database over the test's own connection, within its transaction; as a rule it gets another."""
    outer = connections["default"]
    monkeypatch.setattr(type(connections), "__getitem__", lambda self, alias: outer)


@pytest.fixture(autouse=True)
def _quiet_newsroom(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing looks on its own, and what waits for the database does so at once."""
    monkeypatch.setattr(consumers, "in_thread", at_once)
    monkeypatch.setattr(Pulse, "start", lambda self: None)
    monkeypatch.setattr(Tail, "start", lambda self: None)
    monkeypatch.setattr(Tail, "is_fresh", lambda self, network_id=None: True)
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    NEWSROOM.__init__()  # type: ignore[misc]
    yield
    NEWSROOM.stop()
    NEWSROOM.__init__()  # type: ignore[misc]


class Browser:
    """Someone's open pages."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.client = Client()
        self.client.force_login(user)

    @property
    def cookie(self) -> str:
        return self.client.cookies[settings.SESSION_COOKIE_NAME].value

    def socket(self, path: str, *, origin: str | None = ORIGIN, cookie: str | None = None) -> WebsocketCommunicator:
        """A handshake for ``path`` below ``/ws/v1/portal/``, not sent yet."""
        value = self.cookie if cookie is None else cookie
        headers = [(b"host", HOST.encode()), (b"cookie", f"{settings.SESSION_COOKIE_NAME}={value}".encode())]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        return WebsocketCommunicator(sockets, f"/ws/v1/portal/{path}", headers=headers)

    async def opens(self, path: str, **of: Any) -> bool:
        """Whether the socket is let in; it is closed again."""
        socket = self.socket(path, **of)
        is_open, _ = await socket.connect(timeout=30)
        if is_open:
            await socket.disconnect(timeout=30)
        return bool(is_open)

    async def open(self, path: str) -> WebsocketCommunicator:
        """A socket that is let in, and past its first look."""
        socket = self.socket(path)
        assert (await socket.connect(timeout=30))[0]
        await look(socket)
        return socket


def browser(role: str = "owner", **of: Any) -> Browser:
    """A browser of somebody new."""
    return Browser(make.UserFactory(role=role, **of))


async def look(*open_sockets: WebsocketCommunicator) -> list[list[dict[str, Any]]]:
    """The newsroom looks once; what each socket was sent upon that."""
    NEWSROOM.turn()
    return [await sent(socket) for socket in open_sockets]


async def sent(socket: WebsocketCommunicator) -> list[dict[str, Any]]:
    """What a socket has been sent by now."""
    for _ in range(20):
        await asyncio.sleep(0)
    found = []
    while not socket.output_queue.empty():
        found.append(await socket.receive_json_from())
    return found


def events_in(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that say that something happened."""
    return [message for message in messages if message["type"] != "state"]
