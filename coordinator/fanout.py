"""Who is connected to this process, and what each of them gets when a network moves on."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVarTuple
from weakref import WeakKeyDictionary

from coordinator.frames import Body
from coordinator.pacing import gaining_many
from mesh.netmap.fan import fan_out
from mesh.netmap.ids import id_set
from mesh.netmap.state import State
from mesh.steps import Touch
from mesh.topology import Topology

Arguments = TypeVarTuple("Arguments")

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


@dataclass(frozen=True, slots=True)
class Push:
    """The body that brings a map from version ``start`` to ``to``. ``body`` None: each socket works out its own.

    ``changed_at``: when the first of the changes in it was made, where that is known and something changed.
    """

    epoch: int
    start: int
    to: int
    body: Body | None
    changed_at: datetime | None = None


class Connection(Protocol):
    """A connected agent, as the fan-out sees it. Its methods run on the loop that ``loop`` names."""

    audience: Audience
    loop: asyncio.AbstractEventLoop

    def push(self, push: Push) -> None:
        """Takes what is to be told next."""

    def close(self, code: int) -> None:
        """Ends the connection with a close code."""


class Fanout:
    """The connections of this process. Registered on their loops, read by the tail's thread."""

    def __init__(self) -> None:
        self._connections: dict[int, dict[int, set[Connection]]] = defaultdict(dict)
        self._lock = threading.Lock()
        # By loop and network: the version up to which every connection there was told what it may see. Written on the
        # loop, behind the pushes that lead there.
        self._settled: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, int]] = WeakKeyDictionary()

    def add(self, connection: Connection) -> None:
        """From now on the connection gets what its node may see."""
        audience = connection.audience
        with self._lock:
            self._connections[audience.network_id].setdefault(audience.node_id, set()).add(connection)

    def remove(self, connection: Connection) -> None:
        """Forgets a connection; one that is not there is passed over."""
        audience = connection.audience
        with self._lock:
            nodes = self._connections.get(audience.network_id, {})
            members = nodes.get(audience.node_id, set())
            members.discard(connection)
            if not members:
                nodes.pop(audience.node_id, None)
            if not nodes:
                self._connections.pop(audience.network_id, None)

    def networks(self) -> list[int]:
        """The networks whose agents are connected here."""
        with self._lock:
            return list(self._connections)

    def nodes(self, network_id: int) -> dict[int, tuple[Connection, ...]]:
        """The connections of a network by node; two at once while one replaces the other."""
        with self._lock:
            return {node_id: tuple(members) for node_id, members in self._connections.get(network_id, {}).items()}

    def deliver(self, before: State, after: State, touch: Touch, changed_at: datetime | None = None) -> None:
        """Tells every connected agent of the network what it may see of the way from one state to another.

        Those who come to see very many peers at once are told that there is something: each works it out in its turn.
        ``changed_at``: when the first of the changes on that way was made.
        """
        nodes = self.nodes(after.topology.network.id)
        self._close_ended(nodes, touch.nodes & nodes.keys(), after)
        local = id_set(after, nodes)
        heavy = gaining_many(before, after, touch, local)
        fan = fan_out(before, after, touch, local - heavy if heavy else local)
        for members, node_ids in fan.bodies:
            self._push(nodes, node_ids, Push(after.epoch, before.version, after.version, Body(members), changed_at))
        self._push(nodes, (*fan.whole, *heavy), Push(after.epoch, before.version, after.version, None, changed_at))
        self._settle(nodes, after)

    def settled(self, network_id: int) -> int:
        """The version up to which every connection of the running loop was told what it may see of a network."""
        return self._settled.get(asyncio.get_running_loop(), {}).get(network_id, 0)

    def announce(self, state: State) -> None:
        """Says that the network is at this state, to all who may have been told less."""
        nodes = self.nodes(state.topology.network.id)
        self._close_ended(nodes, nodes, state)
        self._push(nodes, nodes, Push(state.epoch, 0, state.version, None))
        self._settle(nodes, state)

    def _settle(self, nodes: dict[int, tuple[Connection, ...]], state: State) -> None:
        loops = {connection.loop for connections in nodes.values() for connection in connections}
        for loop in loops:
            _call(loop, self._note_settled, loop, state.topology.network.id, state.version)

    def _note_settled(self, loop: asyncio.AbstractEventLoop, network_id: int, version: int) -> None:
        self._settled.setdefault(loop, {})[network_id] = version

    def _close_ended(self, nodes: dict[int, tuple[Connection, ...]], node_ids: Iterable[int], state: State) -> None:
        for node_id in node_ids:
            for connection in nodes[node_id]:
                code = why_close(state.topology, connection.audience)
                if code is not None:
                    on_loop(connection, connection.close, code)

    def _push(self, nodes: dict[int, tuple[Connection, ...]], node_ids: Iterable[int], push: Push) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[Connection]] = defaultdict(list)
        for node_id in node_ids:
            for connection in nodes[node_id]:
                by_loop[connection.loop].append(connection)
        for loop, connections in by_loop.items():
            _call(loop, _push_all, connections, push)

    def close_all(self, code: int = CLOSE_RESTARTING) -> None:
        """Ends every connection of this process; agents come back to another worker, or to the next start."""
        for network_id in self.networks():
            for connections in self.nodes(network_id).values():
                for connection in connections:
                    on_loop(connection, connection.close, code)


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


def on_loop(connection: Connection, action: Callable[[*Arguments], None], *arguments: *Arguments) -> None:
    """Calls a method of a connection on its loop, from any thread."""
    _call(connection.loop, action, *arguments)


def _push_all(connections: list[Connection], push: Push) -> None:
    for connection in connections:
        connection.push(push)


def _call(loop: asyncio.AbstractEventLoop, action: Callable[[*Arguments], None], *arguments: *Arguments) -> None:
    if not loop.is_closed():  # a loop that ended took its connections with it
        loop.call_soon_threadsafe(action, *arguments)
