"""Where this machine's WireGuard got packets of its peers from: candidates for others (agent protocol, "Liveness")."""

from __future__ import annotations

from typing import Final

from agent.tunnel import Tunnel

LASTS_SECONDS: Final = 1200.0  # the portal forgets within the hour what nobody repeats
_MAX_PEERS: Final = 32  # in one report


def observed_endpoints(tunnel: Tunnel, wall: float) -> dict[str, str]:
    """``ip:port`` by peer id, of peers with a handshake that is fresh at the Unix time ``wall``.

    Left out is what no other machine can use: addresses of this machine's links, and of the mesh. A peer that we just
    called at an address of its own list has told us nothing new, but the portal knows that better.
    """
    ids = {peer.key: peer.id for peer in tunnel.in_force}
    found: list[tuple[float, int, str]] = []
    for key, link in tunnel.links().items():
        if key not in ids or link.endpoint is None or not link.is_fresh(wall):
            continue
        address = link.endpoint.address
        unusable = (
            address.is_loopback
            or address.is_link_local
            or address.is_multicast
            or address.is_unspecified
            or address.is_reserved
        )
        if not unusable and not tunnel.paths.tunnelled.holds(link.endpoint):
            found.append((link.handshake, ids[key], str(link.endpoint)))
    latest = sorted(found, reverse=True)[:_MAX_PEERS]
    return {str(peer_id): endpoint for _, peer_id, endpoint in sorted(latest, key=lambda item: item[1])}
