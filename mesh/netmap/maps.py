"""Whole maps as a join of ready parts, plain or as zstd frames."""

from __future__ import annotations

from typing import NamedTuple

from mesh.netmap.chunks import CHUNK_BITS, Blob, Chunk, ids_in, make_blob, masks_of, pack
from mesh.netmap.parts import encode, own_part, reach_piece
from mesh.netmap.state import State
from mesh.netmap.whole import reached_routes
from mesh.topology import NodeRecord


class MapPieces(NamedTuple):
    """A map in pieces: a head up to and with the first peers, then more peers, then ``]}``."""

    head: bytes
    blobs: list[Blob]


def map_pieces(state: State, node_id: int) -> MapPieces:
    """The pieces of the map of a node that takes part. Raises KeyError for one that does not."""
    node = state.topology.present(node_id)
    if node is None:
        raise KeyError(node_id)
    first, blobs = _peer_blobs(state, node_id)
    users: set[int] = set() if node.user is None else {node.user}
    users.update(*(blob.users for blob in blobs))
    if first is not None:
        users |= first.users
    return MapPieces(_head(state, node, users) + (b"" if first is None else first.plain), blobs)


def map_json(pieces: MapPieces) -> bytes:
    """The map as JSON."""
    return b",".join([pieces.head, *(blob.plain for blob in pieces.blobs)]) + b"]}"


def map_zstd(pieces: MapPieces, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """The map as zstd frames in a row, most peers compressed long ago; ``before`` and ``after`` are JSON around it.

    A reader must decode across frames.
    """
    if not pieces.blobs:
        return pack(before + pieces.head + b"]}" + after)
    return b"".join([pack(before + pieces.head), *(blob.packed for blob in pieces.blobs), pack(b"]}" + after)])


def _head(state: State, node: NodeRecord, users: set[int]) -> bytes:
    network, shared, policy = state.topology.network, state.shared, state.policy
    rules, names = policy.filter_of(node.id)
    sets = b",".join([encode(name) + b":" + shared.encode(policy.set_of(name)) for name in names])
    profiles = b",".join(
        [shared.profile(user) for user_id in sorted(users) if (user := state.topology.users.get(user_id)) is not None]
    )
    return b"".join(
        (
            b'{"epoch":%d,"version":%d,"lease_seconds":' % (network.epoch, network.version),
            state.settings.lease_seconds,
            b',"node_key":',
            encode(node.key),
            b',"domain":',
            state.settings.domain,
            b',"node":',
            encode(own_part(node)),
            b',"sets":{',
            sets,
            b'},"packet_filter":',
            shared.encode(rules),
            b',"dns":',
            state.settings.dns,
            b',"derp_map":',
            state.settings.derp_map,
            b',"user_profiles":{',
            profiles,
            b'},"peers":[',
        )
    )


def _peer_blobs(state: State, viewer_id: int) -> tuple[Blob | None, list[Blob]]:
    """The peers that stand in the head, and the other ones. In the head is the viewer's own chunk: it lacks the viewer
    itself, so nobody else has the like of it."""
    masks = masks_of(state.policy.peer_ids(viewer_id).to_array())
    own = viewer_id >> CHUNK_BITS
    first: Blob | None = None
    blobs: list[Blob] = []
    for number, mask in masks.items():
        chunk = state.chunks.get(number)
        if chunk is None:
            continue
        if chunk.routers & mask:
            blob = _routed_blob(state, chunk, number, mask, viewer_id)
        elif number == own:
            first = make_blob(chunk, number, mask)
            continue
        else:
            blob = state.shared.blobs.get(chunk, number, mask)
        if blob is not None:
            blobs.append(blob)
    if first is None and blobs:
        first = blobs.pop(0)
    return first, blobs


def _routed_blob(state: State, chunk: Chunk, number: int, mask: int, viewer_id: int) -> Blob | None:
    """A blob with routers in it, whose routes are this viewer's own."""
    parts = dict(chunk.parts)
    reached = False
    for peer_id in ids_in(number, chunk.routers & mask):
        peer = state.topology.nodes.get(peer_id)
        part = parts.get(peer_id)
        if peer is None or part is None:
            continue
        routes = reached_routes(peer, state.policy, viewer_id)
        exit_node = state.policy.exit_node_for(viewer_id, peer_id)
        if routes or exit_node:
            parts[peer_id] = part._replace(reach=reach_piece(peer, routes, exit_node))
            reached = True
    if not reached:
        return state.shared.blobs.get(chunk, number, mask)
    return make_blob(Chunk(parts, chunk.serial), number, mask)
