"""What a snapshot is as bytes: a head in the clear, then zstd frames of MessagePack.

Nodes and users stand in frames of a thousand, so that neither packing nor unpacking keeps other threads from running
for longer than one of them takes. The head says what the snapshot is of, and the digest of everything behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec
import orjson
import zstandard
from blake3 import blake3

from acl.stored import facts_of, policy_of
from coordinator.sharing import Sharing
from coordinator.stamps import Stamp
from mesh.compile.table import Table
from mesh.errors import GhostWireError
from mesh.policy import Policy
from mesh.topology import NetworkRecord, NodeRecord, Topology, UserRecord

FORMAT: Final = 1
MAGIC: Final = b"GWSNAP"
CHUNK: Final = 1000
LEVEL: Final = 3
# The head of a snapshot, at most: what is read to learn how old one is.
HEAD_BYTES: Final = 2048
# Of one frame when unpacked: a thousand nodes with all that a node may have.
FRAME_LIMIT: Final = 64 * 1024 * 1024
RECORDS: Final = (NetworkRecord, NodeRecord, UserRecord)

UNREADABLE: Final = (
    msgspec.MsgspecError,
    zstandard.ZstdError,
    GhostWireError,
    StopIteration,
    ValueError,
    KeyError,
    TypeError,
)

Record = TypeVar("Record", NodeRecord, UserRecord)


class UnreadableSnapshotError(Exception):
    """These bytes are not a snapshot that this program can read; says why."""


class Head(msgspec.Struct, frozen=True):
    """What a snapshot is of, and when it was made. ``stamp`` is that of the change log's row at ``version``."""

    installation: str
    network_id: int
    epoch: int
    version: int
    stamp: Stamp
    made_at: datetime
    digest: bytes


class Snapshot(msgspec.Struct, frozen=True):
    """A network at one version: what the database's tables say of it, its policy, and the instant that it is
    compiled for."""

    head: Head
    topology: Topology
    policy: Policy
    at: datetime


class _Basics(msgspec.Struct, frozen=True):
    network: NetworkRecord
    policy: bytes
    at: datetime
    sessions: list[tuple[int, int]]
    node_frames: int
    user_frames: int


def schema_hash(version: str) -> str:
    """Names the shape of records and the version of the program, both of which a snapshot has to have in common with
    its reader."""
    shape = [msgspec.json.schema_components(RECORDS), str(version), FORMAT]
    return blake3(orjson.dumps(shape, option=orjson.OPT_SORT_KEYS)).hexdigest(8)


def pack_snapshot(
    topology: Topology,
    policy: Policy,
    at: datetime,
    *,
    installation: str,
    stamp: Stamp,
    made_at: datetime,
) -> bytes:
    """A network as bytes."""
    nodes, users = list(_frames(topology.nodes.values())), list(_frames(topology.users.values()))
    basics = _Basics(
        network=topology.network,
        policy=orjson.dumps(facts_of(policy)),
        at=at,
        sessions=list(topology.sessions.items()),
        node_frames=len(nodes),
        user_frames=len(users),
    )
    body = b"".join(len(frame).to_bytes(4) + frame for frame in (_pack(basics), *nodes, *users))
    head = Head(
        installation=installation,
        network_id=topology.network.id,
        epoch=topology.network.epoch,
        version=topology.version,
        stamp=stamp,
        made_at=made_at,
        digest=blake3(body).digest(),
    )
    packed = msgspec.msgpack.encode(head)
    return MAGIC + len(packed).to_bytes(2) + packed + body


def read_head(blob: bytes) -> Head:
    """The head, from the first ``HEAD_BYTES`` or all of a snapshot. Raises UnreadableSnapshotError."""
    return _head(blob)[0]


def unpack_snapshot(blob: bytes) -> Snapshot:
    """The network that ``pack_snapshot`` packed. Raises UnreadableSnapshotError for anything else."""
    head, start = _head(blob)
    if blake3(memoryview(blob)[start:]).digest() != head.digest:
        raise UnreadableSnapshotError("the bytes are damaged")
    try:
        frames = _split(blob, start)
        basics = _unpack(next(frames), _Basics)
        nodes: dict[int, NodeRecord] = {}
        sharing = Sharing()
        for frame in islice(frames, basics.node_frames):
            found: list[NodeRecord] = _unpack(frame, list[NodeRecord])
            sharing.share(found)
            nodes.update((node.id, node) for node in found)
        users: dict[int, UserRecord] = {}
        for frame in islice(frames, basics.user_frames):
            users.update((user.id, user) for user in _unpack(frame, list[UserRecord]))
        topology = Topology(basics.network, Table(nodes), Table(users), Table(dict(basics.sessions)))
        return Snapshot(head, topology, policy_of(orjson.loads(basics.policy)), basics.at)
    except UNREADABLE as error:
        raise UnreadableSnapshotError(f"{type(error).__name__}: {error}") from error


def _head(blob: bytes) -> tuple[Head, int]:
    start = len(MAGIC) + 2
    if blob[: len(MAGIC)] != MAGIC or len(blob) < start:
        raise UnreadableSnapshotError("it does not begin like one")
    end = start + int.from_bytes(blob[len(MAGIC) : start])
    try:
        return msgspec.msgpack.decode(blob[start:end], type=Head), end
    except msgspec.MsgspecError as error:
        raise UnreadableSnapshotError(f"the head: {error}") from error


def _frames(records: Iterable[Record]) -> Iterator[bytes]:
    pending = iter(records)
    while chunk := list(islice(pending, CHUNK)):
        yield _pack(chunk)


def _pack(value: Any) -> bytes:
    return zstandard.ZstdCompressor(level=LEVEL).compress(msgspec.msgpack.encode(value))


def _unpack(frame: memoryview, shape: type[Any]) -> Any:
    plain = zstandard.ZstdDecompressor().decompress(frame, max_output_size=FRAME_LIMIT)
    return msgspec.msgpack.decode(plain, type=shape)


def _split(blob: bytes, start: int) -> Iterator[memoryview]:
    view = memoryview(blob)
    while start < len(blob):
        end = start + 4 + int.from_bytes(view[start : start + 4])
        if end > len(blob):
            raise ValueError("a frame is cut off")
        yield view[start + 4 : end]
        start = end
