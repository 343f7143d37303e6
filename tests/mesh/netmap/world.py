"""Small networks that move: what the law of deltas is tried on."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson
import zstandard

from mesh.compile.table import Table
from mesh.netmap.maps import map_json, map_pieces, map_zstd
from mesh.netmap.state import State, build_state
from mesh.netmap.whole import build_netmap
from mesh.policy import Action, Group, Policy, Rule, parse_stored
from mesh.topology import NetworkRecord, NodeRecord, Topology, UserRecord

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def network(**changes: Any) -> NetworkRecord:
    record = NetworkRecord(
        id=1,
        name="test",
        domain="test.ghost",
        ipv4_range="10.1.0.0/16",
        ipv6_range="fd00:1234:5678::/48",
        epoch=1,
        version=1,
        heartbeat_seconds=30,
        grace_seconds=60,
        lease_seconds=43200,
        max_peers=5000,
    )
    return msgspec.structs.replace(record, **changes)


def node(node_id: int, **changes: Any) -> NodeRecord:
    record = NodeRecord(
        id=node_id,
        name=f"n{node_id}",
        key=f"key-{node_id}",
        state="active",
        user=1,
        tags=(),
        addresses=(f"10.1.{node_id >> 8}.{node_id & 255}", f"fd00:1234:5678::{node_id:x}"),
    )
    return msgspec.structs.replace(record, **changes)


def rule(position: int, sources: str, destinations: str, action: str = "accept", **members: Any) -> Rule:
    return Rule(
        id=position,
        position=position,
        action=Action(action),
        sources=tuple(parse_stored(text) for text in sources.split()),
        destinations=tuple(parse_stored(text) for text in destinations.split()),
        **members,
    )


def policy(*rules: Rule, groups: tuple[Group, ...] = ()) -> Policy:
    return Policy(rules=rules, groups=groups)


def state_of(nodes: list[NodeRecord], rules: Policy, users: int = 3, **settings: Any) -> State:
    topology = Topology(
        network=network(**settings),
        nodes=Table({record.id: record for record in nodes}),
        users=Table({number: UserRecord(number, f"user{number}") for number in range(1, users + 1)}),
        sessions=Table({}),
    )
    return build_state(topology, rules, NOW)


def naive_map(state: State, node_id: int) -> dict[str, Any]:
    """The map as the plain builder makes it, in canonical order."""
    return canonical(orjson.loads(orjson.dumps(build_netmap(state.topology, state.policy, node_id))))


def joined_map(state: State, node_id: int) -> dict[str, Any]:
    """The map as it is joined from ready parts, in canonical order."""
    return canonical(orjson.loads(map_json(map_pieces(state, node_id))))


def packed_map(state: State, node_id: int) -> dict[str, Any]:
    """The same by way of zstd, whose frames a reader decodes across."""
    frames = io.BytesIO(map_zstd(map_pieces(state, node_id)))
    with zstandard.ZstdDecompressor().stream_reader(frames, read_across_frames=True) as reader:
        return canonical(orjson.loads(reader.read()))


def canonical(netmap: dict[str, Any]) -> dict[str, Any]:
    """The order of peers means nothing."""
    return netmap | {"peers": sorted(netmap["peers"], key=lambda peer: peer["id"])}
