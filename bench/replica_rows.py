"""The policy bench's network as rows of a database, and changes to it."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from acl.services.apply import apply_policy
from acl.services.policy import activate_policy
from bench.policy_network import IPV4_RANGE, IPV6_RANGE, build_network, build_policy
from mesh.addressing import pack
from mesh.change import Cause, ChangeKind
from mesh.policy import PolicyNode
from nodes.changes import lock_network, record_change
from nodes.facts import node_facts
from nodes.models import Address, Endpoint, Network, Node, NodeTag, Route
from sessions_app.models import NodeSession, User

BATCH = 2000
CAUSE = Cause.command()


def write_network(*, nodes: int, users: int, rules: int, at: datetime) -> int:
    """Writes network, people, machines with sessions, and the policy. Returns the network's id."""
    chance = random.Random(7)
    User.objects.bulk_create(
        (User(pk=number, username=f"user{number}@example.com") for number in range(1, users + 1)), BATCH
    )
    network = Network.objects.create(
        name="bench", domain="bench.ghost", ipv4_range=str(IPV4_RANGE), ipv6_range=str(IPV6_RANGE), max_peers=100_000
    )
    machines = build_network(nodes, users).nodes
    Node.objects.bulk_create((_node(network, item, chance, at) for item in machines), BATCH)
    Address.objects.bulk_create(
        (
            Address(network=network, node_id=item.id, family=ip.version, address=str(ip), packed=pack(ip))
            for item in machines
            for ip in item.addresses
        ),
        BATCH,
    )
    Endpoint.objects.bulk_create(
        (Endpoint(node_id=item.id, position=0, address=_endpoint(chance), kind="public") for item in machines), BATCH
    )
    NodeTag.objects.bulk_create((NodeTag(node_id=item.id, tag=tag) for item in machines for tag in item.tags), BATCH)
    Route.objects.bulk_create(_routes(network, machines), BATCH)
    NodeSession.objects.bulk_create(
        (
            NodeSession(
                node_id=item.id,
                digest=chance.randbytes(32),
                pepper="1",
                created_at=at,
                expires_at=at + timedelta(days=1000),
            )
            for item in machines
        ),
        BATCH,
    )
    write_policy(network.pk, rules, at)
    return network.pk


@transaction.atomic
def write_policy(network_id: int, rules: int, at: datetime, seed: int = 2) -> None:
    """Puts a policy of so many rules in force."""
    network = lock_network(network_id)
    apply_policy(network=network, policy=build_policy(rules, seed=seed))
    activate_policy(network=network, cause=CAUSE, now=at, forced=True)


def write_changes(network_id: int, chance: random.Random, rounds: int = 200) -> Iterator[None]:
    """Writes changes as a busy day has them, one at a time."""
    ids = list(Node.objects.values_list("pk", flat=True))
    now = Node.objects.order_by("-created_at").values_list("created_at", flat=True)[0]
    for number in range(rounds):
        _endpoints(network_id, chance.choice(ids), chance, now)
        yield
        _retag(network_id, chance.choice(ids), chance, now)
        yield
        _presence(network_id, chance.sample(ids, 2000 if number % 20 == 0 else 3), now)
        yield
        if number % 40 == 0:
            write_policy(network_id, 200, now, seed=number + 3)
            yield


@transaction.atomic
def _endpoints(network_id: int, node_id: int, chance: random.Random, now: datetime) -> None:
    facts = {"endpoints": {str(node_id): [_endpoint(chance)]}}
    record_change(network=lock_network(network_id), kind=ChangeKind.ENDPOINTS, facts=facts, cause=CAUSE, now=now)


@transaction.atomic
def _retag(network_id: int, node_id: int, chance: random.Random, now: datetime) -> None:
    network = lock_network(network_id)
    Node.objects.filter(pk=node_id).update(owner=None, tagged=True)
    NodeTag.objects.filter(node_id=node_id).delete()
    NodeTag.objects.create(node_id=node_id, tag=f"tag:t{chance.randrange(60)}")
    facts = node_facts(network_id, [node_id])
    record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=CAUSE, now=now)


@transaction.atomic
def _presence(network_id: int, node_ids: list[int], now: datetime) -> None:
    facts = {"online": [], "offline": [{"id": node_id, "at": now.isoformat()} for node_id in node_ids]}
    record_change(network=lock_network(network_id), kind=ChangeKind.PRESENCE, facts=facts, cause=CAUSE, now=now)


def _node(network: Network, item: PolicyNode, chance: random.Random, at: datetime) -> Node:
    return Node(
        pk=item.id,
        network=network,
        public_key=base64.b64encode(chance.randbytes(32)).decode(),
        name=item.name,
        hostname=item.name,
        owner_id=item.user,
        tagged=bool(item.tags),
        key_expires_at=None if item.user is None else at + timedelta(days=180),
        agent_version=item.agent_version,
        os=item.os,
        os_version="6.1",
        posture={"disk_encrypted": True},
        home_region=3,
        online=True,
        last_seen=at,
    )


def _routes(network: Network, machines: tuple[PolicyNode, ...]) -> Iterator[Route]:
    primaries: set[str] = set()
    for item in machines:
        for prefix in item.routes:
            bounds: dict[str, Any] = {"first": pack(prefix[0]), "last": pack(prefix[-1])}
            yield Route(
                network=network,
                node_id=item.id,
                prefix=str(prefix),
                approved=True,
                primary=str(prefix) not in primaries,
                **bounds,
            )
            primaries.add(str(prefix))


def _endpoint(chance: random.Random) -> str:
    return f"203.0.{chance.randrange(256)}.{chance.randrange(256)}:{chance.randrange(1024, 65536)}"
