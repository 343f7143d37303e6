"""The sockets themselves: let in, told what their page may know, and closed when that is over."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import parse_qs

import structlog
from channels.generic.websocket import AsyncJsonWebsocketConsumer  # type: ignore[import-untyped]
from django.conf import settings
from django.utils import timezone

from coordinator.limits import Limit, enforce, source_of
from coordinator.threads import in_thread
from mesh.errors import AuthenticationError, GhostWireError, NotFoundError, PermissionDeniedError, ThrottledError
from nodes.models import Network, Node
from portal.login import may_enter
from portal.sockets.events import Event
from portal.sockets.kinds import ABOUT_NODES, KINDS, PageKind, events_for
from portal.sockets.newsroom import NEWSROOM, State
from portal.sockets.origins import is_own_origin
from portal.sockets.visitors import Visitor, find_visitor
from sessions_app.models import User
from sessions_app.roles import allows

log = structlog.get_logger(__name__)

OPENED: Final = Limit("portal_socket", 120, 60.0)
STATE_SECONDS: Final = 10.0
"""How often a page hears that it is up to date when nothing happens."""
CLOSE_UNASKED: Final = 4400


class PortalSocket(AsyncJsonWebsocketConsumer):  # type: ignore[misc]  # Channels carries no types
    """What all have in common. A page says nothing: all that it has to say is in the address that it opens."""

    # No channel of its own: one subscription a process brings the news, not one a socket.
    channel_layer_alias = ""

    visitor: Visitor
    network_id: int
    loop: asyncio.AbstractEventLoop
    # Until somebody is let in there is nothing to see.
    events: frozenset[str] = frozenset()

    async def connect(self) -> None:
        """Let the page in, or refuse the upgrade: the server answers 403."""
        self.loop = asyncio.get_running_loop()
        self._pending: dict[str, Event] = {}
        self._state: State | None = None
        self._said: State | None = None
        self._said_at = 0.0
        self._news = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._code: int | None = None
        try:
            if not is_own_origin(self.scope):
                raise PermissionDeniedError("A page of another site.")
            await in_thread(self._admit)
            if not NEWSROOM.join(self):
                raise ThrottledError("Too many pages are open.", retry_after=STATE_SECONDS)
        except GhostWireError as error:
            log.info("portal.socket_refused", path=self.scope["path"], reason=error.detail)
            await self.close()
            return
        await self.accept()
        self._writer = asyncio.create_task(self._write())

    async def disconnect(self, code: int) -> None:
        """The page is gone."""
        NEWSROOM.leave(self)
        if self._writer is not None:
            self._writer.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        """Pages say nothing."""
        self.end(CLOSE_UNASKED)

    # --- What the newsroom asks for, on this socket's loop

    def take(self, events: dict[str, Event], state: State) -> None:
        """Keep what this page may know, one event a type, until it is written."""
        for event in events.values():
            seen = self.seen(event)
            if seen is None:
                continue
            waiting = self._pending.get(seen.type)
            self._pending[seen.type] = seen if waiting is None else waiting.merged(seen)
        self._state = state
        if self._pending or state != self._said or self.loop.time() - self._said_at >= STATE_SECONDS:
            self._news.set()

    def end(self, code: int) -> None:
        """Close with a code, once what is being written is out."""
        if self._code is None:
            self._code = code
            self._news.set()

    async def _write(self) -> None:
        while self._code is None:
            await self._news.wait()
            self._news.clear()
            pending, self._pending = self._pending, {}
            for event in pending.values():
                await self.send_json(event.message())
            if self._state is not None:
                state, self._said_at = self._state, self.loop.time()
                self._said = state
                await self.send_json({"type": "state", "fresh": state.fresh, "version": state.version})
        await self.close(self._code)

    # --- What each kind decides

    def _admit(self) -> None:
        """In a thread: who it is, and what this page may know. Raises a GhostWireError for who may know nothing."""
        now = timezone.now()
        client = self.scope.get("client")
        enforce(OPENED, source_of(str(client[0]) if client else ""), now.timestamp())
        found = find_visitor(self.scope["cookies"].get(settings.SESSION_COOKIE_NAME, ""), now)
        if found is None:
            raise AuthenticationError("Nobody is logged in.")
        self.visitor, user = found
        asked = parse_qs(self.scope.get("query_string", b"").decode("latin-1"))
        self.admit(user, {name: values[-1] for name, values in asked.items()})

    def admit(self, user: User, asked: dict[str, str]) -> None:
        """Settle ``network_id`` and ``events``. Raises PermissionDeniedError or NotFoundError."""
        raise NotImplementedError

    def seen(self, event: Event) -> Event | None:
        """The event as this page may know it; None if it may not, or need not."""
        return event if event.type in self.events else None


class PageSocket(PortalSocket):
    """A page under ``/admin/`` about a network: any event of its kind that the role may know of."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind: PageKind = KINDS[kind]

    def admit(self, user: User, asked: dict[str, str]) -> None:
        """As the kind's capability and the role say; the network is the one asked for, else the first."""
        if not may_enter(user) or (self.kind.capability and not allows(user, self.kind.capability)):
            raise PermissionDeniedError("Your role has no such page.")
        networks = Network.objects.order_by("pk").values_list("pk", flat=True)
        if "network" in asked:
            networks = networks.filter(pk=_number(asked["network"]))
        network_id = networks.first()
        if network_id is None:
            raise NotFoundError("There is no such network.")
        self.network_id = network_id
        self.events = events_for(user, self.kind)


class NodeSocket(PageSocket):
    """The page of one node: what concerns others is none of its news."""

    node_id = 0

    def admit(self, user: User, asked: dict[str, str]) -> None:
        """The node must be there."""
        node = Node.objects.filter(pk=_number(asked.get("id", ""))).values_list("pk", "network_id").first()
        if node is None:
            raise NotFoundError("There is no such node.")
        self.node_id, network_id = node
        super().admit(user, {"network": str(network_id)})

    def seen(self, event: Event) -> Event | None:
        """Of events about nodes those about this one, naming no other; also those that do not say whom they concern."""
        if event.type not in self.events:
            return None
        if event.type not in ABOUT_NODES or event.nodes is None:
            return event
        if self.node_id not in event.nodes:
            return None
        return Event(event.type, event.network_id, event.version, frozenset({self.node_id}))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
