"""Rows for the portal's lists at 50,000 nodes: those of ``replica_rows``, and all that a network of years gathers."""

from __future__ import annotations

import base64
import random
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

from django.db import connection

from bench.replica_rows import BATCH, write_network
from mesh.addressing import pack
from nodes.models import (
    Address,
    Change,
    DnsRecord,
    NameReservation,
    Network,
    Node,
    Observation,
    OnlineSpan,
    RetiredKey,
)
from sessions_app.models import ApiToken, AuthKey, AuthKeyUse, Enrolment, NodeSession, User

USERS: Final = 10_000
RULES: Final = 200
CHANGES: Final = 100_000
_KINDS: Final = ("nodes", "endpoints", "presence", "sessions", "policy", "users", "credentials")


def write_fleet(*, nodes: int, at: datetime) -> int:
    """Writes a network of so many nodes, in all states, with its history; returns its id.

    User 1 (``user1@example.com``) is the owner of the installation.
    """
    chance = random.Random(11)
    network_id = write_network(nodes=nodes, users=USERS, rules=RULES, at=at)
    network = Network.objects.get(pk=network_id)
    User.objects.filter(pk=1).update(role=User.Role.OWNER)
    _states(nodes, at)
    Change.objects.bulk_create(
        (
            Change(
                network=network,
                version=10_000_000 + number,
                kind=_KINDS[number % len(_KINDS)],
                facts={"nodes": [{"id": chance.randrange(1, nodes), "name": "node"}], "removed": []}
                if number % len(_KINDS) == 0
                else {"endpoints": {}, "online": [], "offline": [], "ended": []},
                actor=f"user:{chance.randrange(1, USERS)}" if number % 3 else f"node:{chance.randrange(1, nodes)}",
                origin=f"198.51.100.{number % 256}",
                request_id=f"request-{number}",
                created_at=at - timedelta(seconds=10 * (CHANGES - number)),
            )
            for number in range(CHANGES)
        ),
        BATCH,
    )
    _sessions(nodes, chance, at)
    _credentials(network, nodes, chance, at)
    _remains(network, nodes, chance, at)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return network_id


def _states(nodes: int, at: datetime) -> None:
    """Five in a hundred are not what they should be."""
    ids = range(1, nodes + 1)
    Node.objects.filter(pk__in=ids[7::20]).update(online=False, last_seen=at - timedelta(hours=3))
    Node.objects.filter(pk__in=ids[11::100]).update(state=Node.State.EXPIRED, online=False, key_expires_at=at)
    Node.objects.filter(pk__in=ids[13::100]).update(state=Node.State.DISABLED, online=False)
    Node.objects.filter(pk__in=ids[17::500]).update(state=Node.State.PENDING, online=False, last_seen=None)
    Node.objects.filter(pk__in=ids[19::1000]).update(key_expires_at=at + timedelta(days=3))


def _sessions(nodes: int, chance: random.Random, at: datetime) -> None:
    NodeSession.objects.bulk_create(
        (
            NodeSession(
                node_id=number,
                digest=chance.randbytes(32),
                pepper="1",
                created_at=at - timedelta(days=100),
                expires_at=at - timedelta(days=70),
                ended_at=at - timedelta(days=70),
                end_reason=chance.choice(NodeSession.End.values),
                origin=f"203.0.113.{number % 256}",
            )
            for number in range(1, nodes + 1)
        ),
        BATCH,
    )


def _credentials(network: Network, nodes: int, chance: random.Random, at: datetime) -> None:
    keys = AuthKey.objects.bulk_create(
        (
            AuthKey(
                network=network,
                name=f"key {number}",
                hint=f"gwk_{number:06}",
                owner_id=number + 1,
                created_by_id=number + 1,
                digest=chance.randbytes(32),
                pepper="1",
                max_uses=None if number % 3 else 1,
                expires_at=at + timedelta(days=number % 90 - 30),
            )
            for number in range(5000)
        ),
        BATCH,
    )
    uses = (AuthKeyUse(auth_key=keys[number % len(keys)], node_id=number + 1) for number in range(nodes))
    AuthKeyUse.objects.bulk_create(uses, BATCH)
    ApiToken.objects.bulk_create(
        (
            ApiToken(user_id=number + 1, name=f"token {number}", digest=chance.randbytes(32), pepper="1", hint="gwa_")
            for number in range(5000)
        ),
        BATCH,
    )
    Enrolment.objects.bulk_create(
        (
            Enrolment(
                network=network,
                code=f"{number:08}",
                public_key=_key(chance),
                reported={"hostname": f"new-{number}", "os": "linux"},
                source=f"198.51.100.{number % 256}",
                created_at=at,
                expires_at=at + timedelta(days=3000),
            )
            for number in range(2000)
        ),
        BATCH,
    )


def _remains(network: Network, nodes: int, chance: random.Random, at: datetime) -> None:
    """Of nodes that left, and of what was noted about those that stayed."""
    base = int.from_bytes(b"\x0a\x0f\x00\x00")
    RetiredKey.objects.bulk_create(
        (
            RetiredKey(
                network=network,
                public_key=_key(chance),
                node_id_was=number + nodes,
                node_name_was=f"old-{number}",
                reason=RetiredKey.Reason.DELETED,
            )
            for number in range(20_000)
        ),
        BATCH,
    )
    rests = at + timedelta(days=3000)
    NameReservation.objects.bulk_create(
        (NameReservation(network=network, name=f"old-{number}", until=rests) for number in range(20_000)), BATCH
    )

    quarantined = (ip_address(base + number) for number in range(20_000))
    Address.objects.bulk_create(
        (
            Address(network=network, family=4, address=str(ip), packed=pack(ip), quarantined_until=rests)
            for ip in quarantined
        ),
        BATCH,
    )
    DnsRecord.objects.bulk_create(
        (
            DnsRecord(network=network, name=f"host-{number}.bench.ghost", type="A", value=f"10.1.2.{number % 256}")
            for number in range(5000)
        ),
        BATCH,
    )
    OnlineSpan.objects.bulk_create(
        (
            OnlineSpan(node_id=number, began=at - timedelta(days=3), ended=at - timedelta(days=2))
            for number in range(1, nodes + 1)
        ),
        BATCH,
    )
    Observation.objects.bulk_create(
        (
            Observation(node_id=number, reporter_id=number + 1, address=f"203.0.113.9:{number}", since=at, seen_at=at)
            for number in range(1, min(nodes, 20_000))
        ),
        BATCH,
    )


def _key(chance: random.Random) -> str:
    # The highest bit is none of the number (RFC 7748, section 5).
    return base64.b64encode(chance.randbytes(31) + bytes([chance.randrange(128)])).decode()
