"""What ``status --json`` shows. The shape is versioned: ``agent/schemas/status-v1.json`` describes it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from agent import __version__
from agent.answers import Waiting
from agent.engine.core import Engine
from agent.errors import BackendError
from agent.netmap import Peer, Prefix
from agent.paths import Link
from mesh.keys import decode_public_key, fingerprint

SCHEMA_VERSION: Final = 1


async def snapshot(engine: Engine) -> dict[str, Any]:
    """The agent's standing, its node, and every peer of the map with what WireGuard knows of it."""
    standing, account = engine.standing, engine.membership.account
    tunnel = engine.worker.tunnel
    links: dict[str, Link] = {}
    if tunnel is not None:
        try:
            links = await engine.worker.use(lambda tunnel: tunnel.links())
        except BackendError:
            links = {}  # the device is being made anew: then nothing is known of the peers
    netmap = tunnel.netmap if tunnel is not None else None
    wall = engine.clock.wall()
    peers = []
    if netmap is not None and tunnel is not None:
        in_force = {peer.key for peer in tunnel.in_force}
        profiles = (engine.maps.raw or {}).get("user_profiles") or {}
        peers = [
            _peer(peer, links.get(peer.key, Link()), wall)
            | {
                "fqdn": f"{peer.name}.{netmap.domain}" if netmap.domain else peer.name,
                "owner": (profiles.get(str(peer.user)) or {}).get("login_name"),
                "expired": peer.key not in in_force,
            }
            for peer in sorted(netmap.peers, key=lambda peer: peer.name)
        ]
    node = netmap.node if netmap is not None else None
    return {
        "schema_version": SCHEMA_VERSION,
        "version": __version__,
        "phase": standing.phase.value,
        "reason": standing.reason,
        "connection": standing.connection,
        "server": engine.server,
        "interface": tunnel.config.interface if tunnel else None,
        "port": tunnel.config.port if tunnel else None,
        "backend": tunnel.backend.kind if tunnel else None,
        "key_fingerprint": fingerprint(decode_public_key(engine.public_key)),
        "public_key": engine.public_key,
        "node": _node(account.node, node.addresses if node else None) if account else None,
        "network": {"name": account.network.get("name"), "domain": account.network.get("domain")} if account else None,
        "map": {"epoch": engine.maps.applied[0], "version": engine.maps.applied[1]} if engine.maps.applied else None,
        "lease_seconds_left": round(engine.lease.left()),
        "session_expires_at": account.expires_at if account else None,
        "endpoints": tunnel.endpoints() if tunnel else [],
        "untaken_routes": sorted(tunnel.untaken_routes) if tunnel else [],
        "enrolment": _enrolment(engine.membership.waiting),
        "peers": peers,
    }


def _enrolment(waiting: Waiting | None) -> dict[str, Any] | None:
    return None if waiting is None else asdict(waiting)


def _node(node: dict[str, Any], addresses: tuple[Prefix, ...] | None) -> dict[str, Any]:
    return {
        "id": node["id"],
        "name": node["name"],
        "fqdn": node.get("fqdn"),
        "addresses": [_bare(str(text)) for text in (addresses or node.get("addresses", ()))],
        "tags": node.get("tags", []),
        "key_expires_at": node.get("key_expires_at"),
    }


def _peer(peer: Peer, link: Link, wall: datetime) -> dict[str, Any]:
    handshake = datetime.fromtimestamp(link.handshake, UTC) if link.handshake else None
    return {
        "id": peer.id,
        "name": peer.name,
        "addresses": [_bare(str(prefix)) for prefix in peer.addresses],
        "routes": [str(prefix) for prefix in peer.allowed_ips if prefix.prefixlen != prefix.max_prefixlen],
        "tags": sorted(peer.tags),
        "online": peer.online,
        "public_key": peer.key,
        "endpoint": str(link.endpoint) if link.endpoint else None,
        "last_handshake": handshake.isoformat() if handshake else None,
        "active": link.is_fresh(wall.timestamp()),
        "rx_bytes": link.rx,
        "tx_bytes": link.tx,
    }


def _bare(address: str) -> str:
    return address.split("/", 1)[0]
