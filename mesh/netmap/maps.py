"""Whole maps as a join of ready parts, plain or as zstd frames."""

from __future__ import annotations

from typing import NamedTuple

from mesh.compile.classes import Shape
from mesh.netmap.blocks import READY_BYTES, Block
from mesh.netmap.chunks import pack, parts_of
from mesh.netmap.parts import encode, own_part
from mesh.netmap.state import State
from mesh.topology import NodeRecord


class MapPieces(NamedTuple):
    """A map in pieces: a head, then the peers between commas, then ``]}``. Some are ``small`` (and some there are, if
    there are any peers), others are ``blocks`` large enough to be compressed by themselves."""

    head: bytes
    small: list[bytes]
    blocks: list[Block]


class _Seen(NamedTuple):
    """The peers of one node: blocks that others have as well, and what is joined for it alone."""

    blocks: list[Block]
    own: list[bytes]
    users: set[int]


def map_pieces(state: State, node_id: int) -> MapPieces:
    """The pieces of the map of a node that takes part. Raises KeyError for one that does not."""
    node = state.topology.present(node_id)
    if node is None:
        raise KeyError(node_id)
    seen = _seen(state, node_id)
    small, large = seen.own, []
    for block in seen.blocks:
        if len(block.plain) < READY_BYTES:
            small.append(block.plain)
        else:
            large.append(block)
    if not small and large:
        small.append(large.pop().plain)
    return MapPieces(_head(state, node, _profiles(state, node, seen)), small, large)


def map_json(pieces: MapPieces) -> bytes:
    """The map as JSON."""
    joined = [piece for small in pieces.small for piece in (b",", small)]
    joined += [piece for block in pieces.blocks for piece in (b",", block.plain)]
    if joined:
        joined[0] = pieces.head
    return b"".join([*joined, b"]}"]) if joined else pieces.head + b"]}"


def map_zstd(pieces: MapPieces, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """The map as zstd frames in a row, most peers compressed long ago; ``before`` and ``after`` are JSON around it.

    A reader must decode across frames.
    """
    first = b"".join((before, pieces.head, b",".join(pieces.small)))
    if not pieces.blocks:
        return pack(b"".join((first, b"]}", after)))
    return b"".join([pack(first), *[block.packed for block in pieces.blocks], pack(b"]}" + after)])


def _head(state: State, node: NodeRecord, profiles: list[bytes]) -> bytes:
    network, shared, policy = state.topology.network, state.shared, state.policy
    rules, names = policy.filter_of(node.id)
    sets = b",".join([encode(name) + b":" + shared.encode(policy.set_of(name)) for name in names])
    return b"".join(
        (
            b'{"epoch":%d,"version":%d,"lease_seconds":' % (network.epoch, network.version),
            state.settings.lease_seconds,
            b',"node_key":',
            encode(node.key),
            b',"domain":',
            state.settings.domain,
            b',"node":',
            encode(own_part(node, network, state.attributes_of(node.id))),
            b',"sets":{',
            sets,
            b'},"packet_filter":',
            shared.encode(rules),
            b',"dns":',
            state.settings.dns,
            b',"derp_map":',
            state.settings.derp_map,
            b',"user_profiles":{',
            b",".join(profiles),
            b'},"peers":[',
        )
    )


def _profiles(state: State, node: NodeRecord, seen: _Seen) -> list[bytes]:
    """The profiles of all owners, each once: block by block, and one by one only where blocks share an owner."""
    known: set[int] = set()
    found: list[bytes] = []
    single = set(seen.users)
    if node.user is not None:
        single.add(node.user)
    for block in seen.blocks:
        users = block.users
        if not users:
            continue
        if known.isdisjoint(users):
            if piece := block.profiles(state):
                found.append(piece)
            known |= users
        else:
            single |= users
    for user_id in sorted(single - known):
        user = state.topology.users.get(user_id)
        if user is not None:
            found.append(state.shared.profile(user))
    return found


def _seen(state: State, viewer_id: int) -> _Seen:
    """Sorts the peers of a node: blocks that others have as well; and joined for it alone routers, whose routes are
    each viewer's own matter, what is left of blocks without itself or a device of its owner's that a rule hides from
    it, and devices of its owner's that only those see."""
    policy = state.policy
    shape = policy.shape(viewer_id)
    row = policy.row(shape)
    added, hidden = _own_devices(state, viewer_id, shape, row)
    blocks, broken, routers = state.blocks.seen(state, row, hidden)
    own: list[bytes] = []
    users: set[int] = set()
    for peer_id, part in parts_of(state.chunks, sorted({*routers, *added}.difference(hidden))):
        own.append((state.blocks.router(state, peer_id, row, part) if part.routes else part).whole)
        if part.user is not None:
            users.add(part.user)
    for block in broken:
        if left := block.without(hidden):
            own.append(left)
            users |= block.users
    return _Seen(blocks, own, users)


def _own_devices(state: State, viewer_id: int, shape: Shape, row: int) -> tuple[list[int], list[int]]:
    """The devices of the node's owner that only those see; and those of them that a rule hides, and the node itself."""
    policy = state.policy
    added: list[int] = []
    hidden: list[int] = [viewer_id]
    owner = policy.owner_of(viewer_id)
    if owner is not None and policy.sides.self_lines:
        for other in policy.world.of(owner):
            if other == viewer_id:
                continue
            its = policy.shape(other)
            if policy.same_user_sees(shape, its) != bool(row & its.mask):
                (hidden if row & its.mask else added).append(other)
    return added, hidden
