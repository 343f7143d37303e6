"""Connections of agents without a server and without a database: what the portal would tell is made up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from coordinator.admission import Admission
from coordinator.agent_connection import AgentConnection
from coordinator.fanout import Push
from coordinator.frames import Body
from coordinator.hot_path.credentials import Known
from coordinator.telling import Telling

HEARTBEAT_SECONDS = 30


@dataclass
class Wire:
    """Stands in for a server's ``send``. While ``is_open`` is not set, a frame stays under way, as with a reader that
    does not drain."""

    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    async def send(self, event: dict[str, Any]) -> None:
        self.sent.append(event)
        self.times.append(asyncio.get_running_loop().time())
        await self.is_open.wait()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages handed over so far."""
        return [json.loads(event["text"]) for event in self.sent if "text" in event]

    @property
    def code(self) -> int | None:
        """What the socket was closed with."""
        return next((event["code"] for event in self.sent if event["type"] == "websocket.close"), None)


def open_wire() -> Wire:
    """A wire whose reader drains."""
    wire = Wire()
    wire.is_open.set()
    return wire


def admission_of(node_id: int, *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> Admission:
    """The admission of a node that no database has."""
    ends = timezone.now() + timedelta(days=1)
    known = Known(1, node_id, node_id, expires_at=ends, ends_at=ends, record=None, version=1, latencies={})
    return Admission(known, heartbeat_seconds, epoch=1)


def connect(wire: Wire, node_id: int = 7, *, on_end: Callable[[], object] = lambda: None, **of: Any) -> AgentConnection:
    """A connection that writes to ``wire``."""
    admission = admission_of(node_id, **of)
    return AgentConnection(admission=admission, send=wire.send, origin="192.0.2.1", request_id="r", on_end=on_end)


@dataclass
class Portal:
    """What agents are told by a network that is at ``version``: nothing but that it is."""

    version: int = 1
    epoch: int = 1
    whole: bytes | None = None
    asked: list[tuple[int, int | None]] = field(default_factory=list)

    def first_telling(self, audience: Any, since: str | None, least: int) -> Telling:
        """Answers hello with a delta from nothing, which is as good as a map here."""
        return Telling(self.epoch, self.version, True, start=0, members=b'"first":1')

    def catch_up(self, audience: Any, epoch: int, version: int | None) -> Telling:
        """What was missed since ``version``."""
        self.asked.append((epoch, version))
        return Telling(self.epoch, self.version, True, start=version, members=b'"missed":1')

    def push(self, members: bytes = b'"change":1', *, start: int | None = None) -> Push:
        """The network moves on by one version."""
        before = self.version if start is None else start
        self.version += 1
        return Push(self.epoch, before, self.version, Body(members))


async def eventually(condition: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Returns as soon as ``condition`` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing rings a bell
            await asyncio.sleep(0.002)
