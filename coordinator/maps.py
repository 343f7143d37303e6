"""Single maps for those who ask over REST."""

from __future__ import annotations

from dataclasses import dataclass

from blake3 import blake3

from coordinator.fanout import Audience
from coordinator.frames import bare_delta
from coordinator.metrics import MAPS
from coordinator.replica import REPLICAS
from coordinator.telling import first_telling
from mesh.errors import NotFoundError
from mesh.netmap.maps import map_json, map_pieces
from mesh.netmap.state import State


@dataclass(frozen=True, slots=True)
class MapBody:
    """A map ready to send: its JSON, its version, and the weak ETag over everything but its version."""

    version: int
    json: bytes
    etag: str


def state_of(network_id: int, version: int) -> State:
    """The network at ``version`` or later, without a query if this process has it. Raises NotFoundError."""
    return REPLICAS.of(network_id).catch_up(version)


def map_body(state: State, node_id: int) -> MapBody:
    """The map of a node. Raises NotFoundError if the node takes no part in the mesh."""
    if state.topology.present(node_id) is None:
        raise NotFoundError(f"Node {node_id} has no map.")
    with MAPS.time():
        json = map_json(map_pieces(state, node_id))
    unversioned = json.replace(b'"version":%d,' % state.version, b"", 1)
    return MapBody(state.version, json, f'W/"{blake3(unversioned).hexdigest(16)}"')


def delta_since(audience: Audience, since: str) -> bytes | None:
    """The delta from ``since`` (``EPOCH.VERSION``) as JSON; None if only a whole map will do. Raises NotFoundError."""
    telling = first_telling(audience, since)
    if telling.code is not None or telling.pieces is not None or telling.start is None:
        return None
    return bare_delta(telling.members, epoch=telling.epoch, start=telling.start, to=telling.version)
