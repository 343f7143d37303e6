"""The state of one network as a worker holds it in memory: frozen values that readers share without a lock."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from mesh.compile.table import Table


class RouteRecord(msgspec.Struct, frozen=True, gc=False):
    """A prefix behind a node, in normal form, and what became of the wish to serve it."""

    prefix: str
    advertised: bool = True
    approved: bool = False
    primary: bool = False


class NodeRecord(msgspec.Struct, frozen=True, gc=False):
    """All facts of a node that maps, filters or administrators' histories need.

    ``addresses`` are without prefix length, IPv4 first; ``key`` is base64. ``state`` as in the agent protocol.
    """

    id: int
    name: str
    key: str
    state: str
    user: int | None
    tags: tuple[str, ...]
    addresses: tuple[str, ...]
    endpoints: tuple[str, ...] = ()
    routes: tuple[RouteRecord, ...] = ()
    login_required: bool = False
    online: bool = False
    last_seen: datetime | None = None
    key_expires_at: datetime | None = None
    key_created_at: datetime | None = None
    rotate_requested_at: datetime | None = None
    home_region: int | None = None
    hostname: str = ""
    ephemeral: bool = False
    os: str = ""
    os_version: str = ""
    agent_version: str = ""
    posture: dict[str, str | int | float | bool] = {}
    observed: int = 0
    """How many of the endpoints, the last ones, are where peers saw the node; it names the others itself."""

    @property
    def advertised(self) -> tuple[str, ...]:
        """The endpoints that the node names itself."""
        return self.endpoints[: len(self.endpoints) - self.observed]

    @property
    def is_present(self) -> bool:
        """Whether the node has a map and appears in others'."""
        return self.state == "active" and not self.login_required


class UserRecord(msgspec.Struct, frozen=True, gc=False):
    """A user as peers may see one, and whether the user's nodes may take part."""

    id: int
    login: str
    display_name: str = ""
    picture_url: str = ""
    is_active: bool = True


class DnsRecordValue(msgspec.Struct, frozen=True, gc=False):
    """A name that the resolver answers: ``type`` is A or AAAA."""

    name: str
    type: str
    value: str


class RelayServerRecord(msgspec.Struct, frozen=True, gc=False):
    """One relay server as agents are told."""

    name: str
    host: str
    ipv4: str | None
    ipv6: str | None
    port: int
    stun_port: int


class RelayRegionRecord(msgspec.Struct, frozen=True, gc=False):
    """A relay region with its servers, by the id that agents know it by."""

    id: int
    code: str
    name: str
    nodes: tuple[RelayServerRecord, ...] = ()


class NetworkRecord(msgspec.Struct, frozen=True, gc=False):
    """A network's settings that stand in every map. ``key_rotation_seconds``: after how long a node makes a new key, 0
    for never."""

    id: int
    name: str
    domain: str
    ipv4_range: str
    ipv6_range: str | None
    epoch: int
    version: int
    heartbeat_seconds: int
    grace_seconds: int
    lease_seconds: int
    max_peers: int
    key_rotation_seconds: int = 0
    magic_dns: bool = True
    nameservers: tuple[str, ...] = ()
    split_dns: dict[str, list[str]] = {}
    search_domains: tuple[str, ...] = ()
    dns_records: tuple[DnsRecordValue, ...] = ()
    relay_regions: tuple[RelayRegionRecord, ...] = ()


def rotate_key_at(node: NodeRecord, key_rotation_seconds: int) -> datetime | None:
    """When a node shall make a new key: when its key has served its time, or as soon as somebody asked for it."""
    served = None
    if key_rotation_seconds and node.key_created_at is not None:
        served = node.key_created_at + timedelta(seconds=key_rotation_seconds)
    if served is None or node.rotate_requested_at is None:
        return served or node.rotate_requested_at
    return min(served, node.rotate_requested_at)


class Topology(msgspec.Struct, frozen=True, gc=False):
    """One network at one version. ``sessions`` maps node ids to the id of their active session."""

    network: NetworkRecord
    nodes: Table[int, NodeRecord]
    users: Table[int, UserRecord]
    sessions: Table[int, int]

    @property
    def version(self) -> int:
        """The map version that this is."""
        return self.network.version

    def is_present(self, node: NodeRecord) -> bool:
        """Whether the node takes part in the mesh: active, not marked "log in again", its owner not disabled."""
        if not node.is_present:
            return False
        return node.user is None or ((owner := self.users.get(node.user)) is not None and owner.is_active)

    def present(self, node_id: int) -> NodeRecord | None:
        """The node, if it takes part in the mesh."""
        node = self.nodes.get(node_id)
        return node if node is not None and self.is_present(node) else None
