"""Who is connected to this process, and what each of them gets when a network moves on."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from coordinator.snapshots import MapBody, Snapshot
from mesh.topology import Topology

T = TypeVar("T")

CLOSE_PROTOCOL_ERROR: Final = 4400
CLOSE_SESSION_ENDED: Final = 4401
CLOSE_NOT_ACTIVE: Final = 4403
CLOSE_SILENT: Final = 4408
CLOSE_REPLACED: Final = 4409
CLOSE_TOO_MANY: Final = 4429
CLOSE_RESTARTING: Final = 1012
CLOSE_OVERLOADED: Final = 1013


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a connection speaks for."""

    network_id: int
    node_id: int
    session_id: int


class Connection(Protocol):
    """A connected agent, as the fan-out sees it. Its methods run on the loop that ``loop`` names."""

    audience: Audience
    loop: asyncio.AbstractEventLoop
    etag: str | None

    def offer(self, body: MapBody) -> None:
        """Takes the newest map; an older one that was not sent yet is forgotten."""

    def close(self, code: int) -> None:
        """Ends the connection with a close code."""


class Fanout:
    """The connections of this process. Registered on their loops, read by the tail's thread."""

    def __init__(self) -> None:
        self._connections: dict[int, set[Connection]] = defaultdict(set)
        self._lock = threading.Lock()

    def add(self, connection: Connection) -> None:
        """From now on the connection gets what its node may see."""
        with self._lock:
            self._connections[connection.audience.network_id].add(connection)

    def remove(self, connection: Connection) -> None:
        """Forgets a connection; one that is not there is passed over."""
        with self._lock:
            members = self._connections.get(connection.audience.network_id)
            if members is not None:
                members.discard(connection)
                if not members:
                    del self._connections[connection.audience.network_id]

    def networks(self) -> list[int]:
        """The networks whose agents are connected here."""
        with self._lock:
            return list(self._connections)

    def connections(self, network_id: int | None = None) -> list[Connection]:
        """The connections of one network, or all."""
        with self._lock:
            if network_id is not None:
                return list(self._connections.get(network_id, ()))
            return [connection for members in self._connections.values() for connection in members]

    def deliver(self, snapshot: Snapshot) -> None:
        """Gives each connected agent of the network its map if it changed, or ends its connection."""
        network_id = snapshot.topology.network.id
        for connection in self.connections(network_id):
            code = why_close(snapshot.topology, connection.audience)
            if code is not None:
                _on_loop(connection, connection.close, code)
                continue
            body = snapshot.body_of(connection.audience.node_id)
            if body.etag != connection.etag:
                _on_loop(connection, connection.offer, body)

    def close_all(self, code: int = CLOSE_RESTARTING) -> None:
        """Ends every connection of this process; agents come back to another worker, or to the next start."""
        for connection in self.connections():
            _on_loop(connection, connection.close, code)


FANOUT: Final = Fanout()


def why_close(topology: Topology, audience: Audience) -> int | None:
    """The close code for a connection whose node or session is no more what it was; None while all is well.

    The node's state decides before its session.
    """
    node = topology.nodes.get(audience.node_id)
    if node is None or node.state != "active" or (not node.login_required and not topology.is_present(node)):
        return CLOSE_NOT_ACTIVE
    session_id = topology.sessions.get(audience.node_id)
    if session_id == audience.session_id and not node.login_required:
        return None
    return CLOSE_SESSION_ENDED if session_id is None or node.login_required else CLOSE_REPLACED


def _on_loop(connection: Connection, action: Callable[[T], None], argument: T) -> None:
    try:
        connection.loop.call_soon_threadsafe(action, argument)
    except RuntimeError:
        # The loop has ended, and the connection with it.
        FANOUT.remove(connection)
