"""The network that map figures are measured on: that of the policy bench, with what agents report of themselves."""

from __future__ import annotations

import base64
import random
import string
from datetime import timedelta

from bench.policy_network import AT, build_network
from mesh.compile.table import Table
from mesh.netmap.state import State, build_state
from mesh.policy import Policy, PolicyNode
from mesh.topology import NetworkRecord, NodeRecord, RouteRecord, Topology, UserRecord

PEOPLE = ("ana", "ben", "chloe", "dmitri", "emeka", "fatima", "goran", "hanna", "ines", "jonas", "kenji", "lea")
SERVERS = ("web", "db", "cache", "build", "mail", "queue", "store", "proxy")


def build_bench_state(nodes: int, policy: Policy) -> State:
    """The network of the policy bench, with what agents report of themselves."""
    chance = random.Random(7)
    facts = build_network(nodes)
    records: dict[int, NodeRecord] = {}
    primaries: set[str] = set()
    for node in facts.nodes:
        routes = []
        for route in map(str, node.routes):
            routes.append(RouteRecord(route, True, True, route not in primaries))
            primaries.add(route)
        records[node.id] = _record(node, tuple(routes), chance)
    network = NetworkRecord(
        id=1,
        name="bench",
        domain="bench.ghost",
        ipv4_range=str(facts.ipv4_range),
        ipv6_range=str(facts.ipv6_range),
        epoch=1,
        version=1,
        heartbeat_seconds=30,
        grace_seconds=60,
        lease_seconds=43200,
        max_peers=100_000,
    )
    users = {user.id: UserRecord(user.id, user.login, user.login.split("@")[0].title()) for user in facts.users}
    return build_state(Topology(network, Table(records), Table(users), Table({})), policy, AT)


def _record(node: PolicyNode, routes: tuple[RouteRecord, ...], chance: random.Random) -> NodeRecord:
    """A person's device is at home behind a router that maps its port, a server has an address of its own."""
    public = f"{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"
    if node.user is None:
        name = f"{chance.choice(SERVERS)}-{node.id}"
        endpoints: tuple[str, ...] = (f"{public}:51820",)
    else:
        tail = "".join(chance.choices(string.ascii_lowercase + string.digits, k=5))
        name = f"{chance.choice(PEOPLE)}s-macbook-{tail}" if node.os == "macos" else f"desktop-{tail}"
        lan = f"192.168.{chance.choice((0, 1, 2, 178))}.{chance.randrange(2, 255)}:51820"
        endpoints = (lan, f"{public}:{chance.randrange(1024, 65536)}")
    registered = AT - timedelta(microseconds=chance.randrange(90 * 86_400 * 10**6))
    return NodeRecord(
        id=node.id,
        name=name,
        key=base64.b64encode(chance.randbytes(32)).decode(),
        state="active",
        user=node.user,
        tags=tuple(sorted(node.tags)),
        addresses=tuple(map(str, node.addresses)),
        endpoints=endpoints,
        routes=routes,
        online=True,
        home_region=chance.choice((1, 2, 3)),
        key_expires_at=None if node.user is None else registered + timedelta(days=180),
        os=node.os,
        agent_version=node.agent_version,
    )
