"""The parts of maps as JSON bytes: each is encoded once, when it changes, and joined from then on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson

from mesh.topology import NetworkRecord, NodeRecord, UserRecord, rotate_key_at

DEFAULT_ROUTES: Final = ("0.0.0.0/0", "::/0")
ONLINE: Final = b',"online":true,"last_seen":null}'


class PeerPart(msgspec.Struct, frozen=True, gc=False):
    """A node as its peers see it, in three pieces: what nobody's view changes, its usual reach, its presence.

    ``head + reach + presence`` is the whole JSON object. A router's ``reach`` is each viewer's own. No part of one can
    refer back to it, so the collector need not walk what there is of these: one a node.
    """

    head: bytes
    reach: bytes
    presence: bytes
    user: int | None
    routes: bool

    @property
    def whole(self) -> bytes:
        """The JSON object for viewers that reach no route of the node."""
        return self.head + self.reach + self.presence


def encode(value: Any) -> bytes:
    """JSON. Copied, because what orjson returns pins about 4 kB."""
    return bytes(memoryview(orjson.dumps(value)))


def peer_part(node: NodeRecord, attributes: Iterable[str] = ()) -> PeerPart:
    """Encodes a node, which the policy gives ``attributes``, for its peers."""
    addresses = host_prefixes(node.addresses)
    return PeerPart(
        head=encode(static_members(node, attributes))[:-1],
        reach=b',"allowed_ips":' + encode(addresses) + b',"exit_node":false',
        presence=presence_piece(node),
        user=node.user,
        routes=any(route.advertised and route.approved for route in node.routes),
    )


def static_members(node: NodeRecord, attributes: Iterable[str] = ()) -> dict[str, Any]:
    """The members of a peer that are the same for every viewer, but its presence."""
    return {
        "id": node.id,
        "name": node.name,
        "key": node.key,
        "user": node.user,
        "tags": list(node.tags),
        "addresses": host_prefixes(node.addresses),
        "endpoints": list(node.endpoints),
        "home_derp": node.home_region,
        "key_expires_at": None if node.key_expires_at is None else instant(node.key_expires_at),
        "capabilities": dict.fromkeys(attributes, True),
    }


def presence_members(node: NodeRecord) -> dict[str, Any]:
    """``online`` and ``last_seen`` as of the last presence change; the latter is null while online."""
    last_seen = None if node.online or node.last_seen is None else instant(node.last_seen)
    return {"online": node.online, "last_seen": last_seen}


def presence_piece(node: NodeRecord) -> bytes:
    """The end of a peer's object."""
    return ONLINE if node.online else b"," + encode(presence_members(node))[1:]


def reach_piece(node: NodeRecord, routes: Iterable[str], exit_node: bool) -> bytes:
    """The middle of a router's object, for one viewer."""
    allowed = [*host_prefixes(node.addresses), *sorted(routes)]
    return b',"allowed_ips":' + encode(allowed) + (b',"exit_node":true' if exit_node else b',"exit_node":false')


def own_part(node: NodeRecord, network: NetworkRecord, attributes: Iterable[str] = ()) -> dict[str, Any]:
    """A node as its own map shows it."""
    rotate_at = rotate_key_at(node, network.key_rotation_seconds)
    addresses = host_prefixes(node.addresses)
    routes = [
        {"prefix": route.prefix, "approved": route.approved, "primary": route.primary}
        for route in node.routes
        if route.advertised
    ]
    return (
        static_members(node, attributes)
        | {"allowed_ips": addresses, "exit_node": offers_exit(node)}
        | presence_members(node)
        | {"routes": routes, "rotate_key_at": None if rotate_at is None else instant(rotate_at)}
    )


def offers_exit(node: NodeRecord) -> bool:
    """Whether a default route of the node is in force."""
    return any(route.prefix in DEFAULT_ROUTES and route.approved and route.advertised for route in node.routes)


def host_prefixes(addresses: Iterable[str]) -> list[str]:
    """Addresses with their full prefix length: /32 or /128."""
    return [f"{address}/{128 if ':' in address else 32}" for address in addresses]


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, to the second: fractions would be a tenth of a map on the wire, and serve nobody."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def dns_part(network: NetworkRecord) -> dict[str, Any]:
    """The member ``dns`` of every map of a network."""
    return {
        "magic_dns": network.magic_dns,
        "domain": network.domain,
        "nameservers": list(network.nameservers),
        "split": {domain: list(servers) for domain, servers in network.split_dns.items()},
        "search_domains": list(network.search_domains),
        "extra_records": [
            {"name": record.name, "type": record.type, "value": record.value} for record in network.dns_records
        ],
    }


def relay_part(network: NetworkRecord) -> dict[str, Any]:
    """The member ``derp_map`` of every map of a network."""
    regions = {
        str(region.id): {
            "id": region.id,
            "code": region.code,
            "name": region.name,
            "nodes": [
                {
                    "name": server.name,
                    "host": server.host,
                    "ipv4": server.ipv4,
                    "ipv6": server.ipv6,
                    "port": server.port,
                    "stun_port": server.stun_port,
                }
                for server in region.nodes
            ],
        }
        for region in network.relay_regions
    }
    return {"regions": regions}


def profile(user: UserRecord) -> dict[str, Any]:
    """A user as ``user_profiles`` shows one."""
    return {
        "display_name": user.display_name or user.login,
        "login_name": user.login,
        "picture_url": user.picture_url,
    }


def profile_piece(user: UserRecord) -> bytes:
    """``"42":{...}``"""
    return b'"%d":' % user.id + encode(profile(user))


def join_object(members: Mapping[str, bytes]) -> bytes:
    """JSON members that are encoded already, without the braces around them."""
    return b",".join(b'"' + name.encode() + b'":' + value for name, value in members.items())
