"""What a worker knows of a network at one version: frozen, shared by all readers, replaced as a whole."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any, Final

import orjson
import structlog
from blake3 import blake3
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from acl.selectors import load_policy
from mesh.compile import CompiledPolicy, compile_policy
from mesh.compile.table import Table
from mesh.errors import GhostWireError, NotFoundError
from mesh.netmap.whole import build_netmap
from mesh.policy import NetworkFacts, Policy, PolicyNode, PolicyUser, posture_of
from mesh.topology import NodeRecord, Topology, UserRecord
from nodes.models import Network
from nodes.selectors import load_network_record, load_node_records
from sessions_app.services.sessions import active_sessions

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MapBody:
    """A map ready to send: its JSON, its version, and the weak ETag over everything but its version."""

    version: int
    json: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One network at one version, with its policy compiled."""

    topology: Topology
    policy: CompiledPolicy

    @property
    def version(self) -> int:
        """The map version that the snapshot stands for."""
        return self.topology.network.version

    def body_of(self, node_id: int) -> MapBody:
        """The map of a node. Raises NotFoundError if the node takes no part in the mesh."""
        node = self.topology.nodes.get(node_id)
        if node is None or not self.topology.is_present(node):
            raise NotFoundError(f"Node {node_id} has no map.")
        netmap = build_netmap(self.topology, self.policy, node_id)
        version = netmap.pop("version")
        unversioned = orjson.dumps(netmap, option=orjson.OPT_SORT_KEYS)
        etag = f'W/"{blake3(unversioned).hexdigest(16)}"'
        return MapBody(version, orjson.dumps({"version": version} | netmap), etag)


class SnapshotCache:
    """The latest snapshot of each network, built at most once a version."""

    def __init__(self) -> None:
        self._latest: dict[int, Snapshot] = {}
        self._last_good: dict[int, Policy] = {}
        self._locks: dict[int, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, network_id: int, version: int) -> Snapshot:
        """The network at ``version`` or later. Blocks while it is loaded; readers of the former one do not."""
        latest = self._latest.get(network_id)
        if latest is not None and latest.version >= version:
            return latest
        with self._lock:
            lock = self._locks.setdefault(network_id, threading.Lock())
        with lock:
            latest = self._latest.get(network_id)
            if latest is None or latest.version < version:
                latest = self._load(network_id, timezone.now())
                self._latest[network_id] = latest
            return latest

    def clear(self) -> None:
        """Forgets everything: another database stands behind the same ids."""
        with self._lock:
            self._latest.clear()
            self._last_good.clear()

    def peek(self, network_id: int) -> Snapshot | None:
        """The latest snapshot that is at hand, without loading any."""
        return self._latest.get(network_id)

    def _load(self, network_id: int, now: datetime) -> Snapshot:
        with transaction.atomic():
            topology = load_topology(network_id)
            policy = self._readable_policy(network_id)
        facts = policy_facts_of(topology)
        try:
            compiled = compile_policy(policy, facts, now)
        except GhostWireError as error:
            # A policy that cannot compile never replaces one that can; without one, nobody sees anybody.
            log.error("policy.not_compiled", network_id=network_id, detail=error.detail)
            compiled = compile_policy(self._last_good.get(network_id, Policy()), facts, now)
        else:
            self._last_good[network_id] = policy
        return Snapshot(topology, compiled)

    def _readable_policy(self, network_id: int) -> Policy:
        try:
            return load_policy(network_id)
        except GhostWireError as error:
            log.error("policy.not_readable", network_id=network_id, detail=error.detail)
            return self._last_good.get(network_id, Policy())


SNAPSHOTS: Final = SnapshotCache()


def current_version(network_id: int) -> int:
    """The map version of a network, in one query. Raises NotFoundError."""
    version = Network.objects.filter(pk=network_id).values_list("map_version", flat=True).first()
    if version is None:
        raise NotFoundError(f"There is no network {network_id}.")
    return version


def load_topology(network_id: int) -> Topology:
    """A network's state from the database, within one transaction."""
    users = get_user_model().objects.only("username", "display_name", "picture_url", "is_active")
    return Topology(
        network=load_network_record(network_id),
        nodes=Table({node.id: node for node in load_node_records(network_id)}),
        users=Table(
            {
                user.pk: UserRecord(user.pk, user.username, user.display_name, user.picture_url, user.is_active)
                for user in users.iterator(2000)
            }
        ),
        sessions=Table(active_sessions(network_id)),
    )


def policy_facts_of(topology: Topology) -> NetworkFacts:
    """What the policy engine takes of a network: only the nodes that take part."""
    network = topology.network
    return NetworkFacts(
        domain=network.domain,
        ipv4_range=_range(network.ipv4_range),
        ipv6_range=_range(network.ipv6_range),
        nodes=tuple(policy_node(node) for node in topology.nodes.values() if topology.is_present(node)),
        users=tuple(PolicyUser(user.id, user.login, user.display_name) for user in topology.users.values()),
    )


def policy_node(node: NodeRecord) -> PolicyNode:
    """A node as the policy engine takes it. Routes count once they are advertised and approved."""
    return PolicyNode(
        id=node.id,
        name=node.name,
        user=node.user,
        tags=frozenset(node.tags),
        addresses=tuple(ip_address(address) for address in node.addresses),
        routes=tuple(ip_network(route.prefix) for route in node.routes if route.advertised and route.approved),
        os=node.os,
        agent_version=node.agent_version,
        posture=posture_of(node.posture),
    )


def _range(text: str | None) -> Any:
    return None if text is None else ip_network(text)
