"""What one agent is to be told: a whole map, or the way from the version that it is at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coordinator.fanout import Audience, why_close
from coordinator.metrics import MAPS
from coordinator.replica import REPLICAS, current_version
from coordinator.tail import TAIL
from mesh.errors import NotFoundError
from mesh.netmap.delta import delta_body
from mesh.netmap.maps import MapPieces, map_pieces
from mesh.netmap.state import State

DELTA_LIMIT: Final = 1024 * 1024
"""Bytes of a delta beyond which the whole map is told instead: it is joined from ready parts, and bounded."""

FEW_NODES: Final = 64
"""A way that concerned no more nodes than this is worked out in a fraction of a millisecond."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Either ``pieces`` of a whole map, or the ``members`` of a delta from ``start`` (None: nothing changed).

    ``code``: why the connection has to be closed instead.
    """

    epoch: int
    version: int
    is_online: bool
    pieces: MapPieces | None = None
    start: int | None = None
    members: bytes | None = None
    code: int | None = None


def quick_telling(audience: Audience, since: str | None, least: int) -> Telling | None:
    """What ``first_telling`` would say, where that takes neither the database nor long: of agents that come back soon.

    After a restart all of them do at once. None: ask ``first_telling``.
    """
    replica = REPLICAS.of(audience.network_id)
    state = replica.state
    if since is None or state is None or state.version < least or not TAIL.is_fresh(audience.network_id):
        return None
    epoch, _, version = since.partition(".")
    known = replica.since(int(version)) if int(epoch) == state.epoch else None
    node = state.topology.present(audience.node_id)
    if known is None or node is None or why_close(state.topology, audience) is not None:
        return None
    before, touch = known
    if before is state:
        return Telling(state.epoch, state.version, node.online, start=state.version)
    is_small = len(touch.nodes) <= FEW_NODES and not (touch.policy or touch.users or touch.network)
    return _from(audience, state, int(version)) if is_small else None


def first_telling(audience: Audience, since: str | None, least: int | None = None) -> Telling:
    """What an agent is told that comes back with ``since`` (``EPOCH.VERSION``), or with nothing.

    ``least``: a version that the network is known to have reached; the database is asked where it is not given.
    Raises NotFoundError if its node takes no part in the mesh.
    """
    replica = REPLICAS.of(audience.network_id)
    state = replica.catch_up(current_version(audience.network_id) if least is None else least)
    epoch, _, version = (since or "").partition(".")
    if since is not None and int(epoch) == state.epoch and int(version) > state.version:
        # Perhaps another worker told it more than this one has read yet.
        state = replica.catch_up(current_version(audience.network_id))
    code = why_close(state.topology, audience)
    if code is not None:
        # The session ended while its agent was on its way in.
        return Telling(state.epoch, state.version, False, code=code)
    if since is not None and int(epoch) == state.epoch:
        return _from(audience, state, int(version))
    return whole(audience, state)


def catch_up(audience: Audience, epoch: int, version: int | None) -> Telling:
    """What an agent is told that is at ``version`` and did not get all that happened since. Raises NotFoundError."""
    replica = REPLICAS.of(audience.network_id)
    state = replica.state or replica.catch_up(current_version(audience.network_id))
    return whole(audience, state) if version is None or epoch != state.epoch else _from(audience, state, version)


def whole(audience: Audience, state: State) -> Telling:
    """The whole map of the agent's node. Raises NotFoundError if it takes no part in the mesh."""
    node = state.topology.present(audience.node_id)
    if node is None:
        raise NotFoundError("This node has no map.")
    with MAPS.time():
        pieces = map_pieces(state, audience.node_id)
    return Telling(state.epoch, state.version, node.online, pieces=pieces)


def _from(audience: Audience, state: State, version: int) -> Telling:
    """The way from ``version`` to ``state``; the whole map if that version is gone, or the node had no map then."""
    node = state.topology.present(audience.node_id)
    if node is None:
        raise NotFoundError("This node has no map.")
    known = REPLICAS.of(audience.network_id).since(version)
    if known is None or version > state.version or known[0].topology.present(audience.node_id) is None:
        return whole(audience, state)
    before, touch = known
    members = delta_body(before, state, audience.node_id, touch)
    if members is not None and len(members) > DELTA_LIMIT:
        return whole(audience, state)
    return Telling(state.epoch, state.version, node.online, start=version, members=members)
