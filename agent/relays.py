"""The relay regions of a map, as far as measuring the way to them needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeGuard

MAX_SERVERS: Final = 64
"""Measured of one map; nobody has that many, and a map must not make an agent flood anybody."""


@dataclass(frozen=True, slots=True)
class RelayServer:
    """A server that answers STUN. Without addresses its name is looked up."""

    name: str
    host: str
    ipv4: str | None
    ipv6: str | None
    stun_port: int


@dataclass(frozen=True, slots=True)
class RelayRegion:
    """A region by the id that agents know it by."""

    id: int
    code: str
    name: str
    servers: tuple[RelayServer, ...]


def read_relays(netmap: dict[str, Any] | None) -> tuple[RelayRegion, ...]:
    """The regions of a map, by id. What is not as it should be is left out: no relay is worth refusing a map for."""
    told = (netmap or {}).get("derp_map")
    regions = told.get("regions") if isinstance(told, dict) else None
    found = [_region(region) for region in regions.values()] if isinstance(regions, dict) else []
    left = MAX_SERVERS
    kept = []
    for region in sorted((region for region in found if region is not None), key=lambda region: region.id):
        servers = region.servers[:left]
        left -= len(servers)
        kept.append(RelayRegion(region.id, region.code, region.name, servers))
    return tuple(kept)


def home_of(netmap: dict[str, Any] | None) -> int | None:
    """The region that the portal chose as this node's home."""
    node = (netmap or {}).get("node")
    home = node.get("home_derp") if isinstance(node, dict) else None
    return home if _is_number(home) else None


def _region(value: Any) -> RelayRegion | None:
    if not isinstance(value, dict) or not _is_number(value.get("id")) or not 0 < value["id"] < 10**9:
        return None
    nodes = value.get("nodes")
    servers = [_server(node) for node in nodes] if isinstance(nodes, list) else []
    kept = tuple(server for server in servers if server is not None)
    return RelayRegion(value["id"], str(value.get("code", "")), str(value.get("name", "")), kept)


def _server(value: Any) -> RelayServer | None:
    if not isinstance(value, dict) or not isinstance(value.get("host"), str) or not value["host"]:
        return None
    port = value.get("stun_port")
    if not _is_number(port) or not 0 < port <= 65535:
        return None
    ipv4, ipv6 = (text if isinstance(text := value.get(name), str) else None for name in ("ipv4", "ipv6"))
    return RelayServer(str(value.get("name", "")), value["host"], ipv4, ipv6, port)


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
