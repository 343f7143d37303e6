"""The machines: fifty thousand plain ones, and one that has as much of everything as there may be."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from nodes.models import Address, Endpoint, Network, Node, NodeTag, OnlineSpan, Route
from nodes.presence import presence_store
from sessions_app.models import NodeSession, User
from tests import factories as make
from tests.portal.huge.rows import DIGEST, KEY, LONG, instant, write_rows

_PACKED: Final = "'00000000000000000000ffff' || lpad(to_hex(167772170 + i), 8, '0')"
"""Of 10.0.0.10 and on, as ``Address.packed`` has it."""


def write_nodes(network: Network, nodes: int, now: datetime) -> None:
    """Four in five belong to people, the rest to tags; one in twenty is offline, one in 500 waits."""
    at = instant(now)
    write_rows(
        Node,
        nodes,
        id="i",
        network_id=str(network.pk),
        public_key=KEY.format("no"),
        name="'node-' || i",
        hostname="'node-' || i",
        tagged="i % 5 = 0",
        owner_id="CASE WHEN i % 5 <> 0 THEN 1001 + i % 10000 END",
        state="CASE WHEN i % 500 = 7 THEN 'pending' WHEN i % 100 = 11 THEN 'disabled' ELSE 'active' END",
        os="(ARRAY['linux', 'macos', 'windows'])[1 + i % 3]",
        os_version="'6.1'",
        agent_version="'0.1.' || i % 9",
        online="i % 20 <> 3 AND i % 500 <> 7 AND i % 100 <> 11",
        last_seen=f"{at} - make_interval(mins => i % 5000)",
        key_expires_at=f"CASE WHEN i % 5 <> 0 THEN {at} + make_interval(days => 1 + i % 180) END",
    )
    write_rows(
        Address,
        nodes,
        network_id=str(network.pk),
        node_id="i",
        family="4",
        packed=_PACKED,
        address="'10.0.0.10'::inet + i",
    )
    write_rows(NodeTag, nodes // 5, node_id="i * 5", tag="'tag:t' || i % 60")
    write_rows(
        NodeSession,
        nodes // 5,
        node_id="i * 5",
        digest=DIGEST.format("session"),
        pepper="'1'",
        created_at=at,
        expires_at=f"{at} + interval '30 days'",
        origin="'198.51.100.7'",
    )
    presence_store().since(now - timedelta(hours=1))
    presence_store().touch({pk: now for pk in range(1, nodes + 1) if pk % 20 != 3 and pk % 500 != 7 and pk % 100 != 11})


def write_large_node(network: Network, owner: User, now: datetime) -> Node:
    """The first node by tags: the longest names, 64 tags and routes, 40 sessions, and a year of comings and goings."""
    tags = [f"tag:{LONG[:-3]}{n:03}" for n in range(63)]
    node: Node = make.TaggedNodeFactory(
        network=network,
        name=LONG,
        hostname=f"{LONG}.{LONG}.{LONG}.{LONG}"[:253],
        tags=["tag:t1", *tags],
        os="A Linux distribution with a name that is long"[:64],
        os_version="with patches, " * 9,
        agent_version="0.1." * 16,
        online=True,
        last_seen=now,
        posture={f"fact_{n}": "true and more " * 8 for n in range(32)},
    )
    make.AddressFactory(node=node, number=60_000)
    make.AddressFactory(node=node, number=60_000, family=6)
    make.NodeFactory(network=network, owner=owner, name=f"own-{LONG[:50]}")
    here, at = str(node.pk), instant(now)
    packed = "'00000000000000000000ffff' || lpad(to_hex(2886729728 + i * 256{}), 8, '0')"
    write_rows(
        Route,
        64,
        network_id=str(network.pk),
        node_id=here,
        prefix="'172.16.' || i || '.0/24'",
        first=packed.format(""),
        last=packed.format(" + 255"),
        approved="i % 3 = 0",
    )
    write_rows(Endpoint, 32, node_id=here, position="i", address="'203.0.113.' || i || ':51820'", kind="'public'")
    ended = f"CASE WHEN i > 1 THEN {at} - make_interval(days => i - 1) END"
    write_rows(
        NodeSession,
        40,
        node_id=here,
        digest=DIGEST.format("long"),
        pepper="'1'",
        origin="'2001:db8::ffff:' || i",
        created_at=f"{at} - make_interval(days => i)",
        expires_at=f"{at} + interval '1 day'",
        ended_at=ended,
        end_reason="CASE WHEN i > 1 THEN 'replaced' ELSE '' END",
    )
    write_rows(
        OnlineSpan,
        365,
        node_id=here,
        began=f"{at} - make_interval(days => i)",
        ended=f"CASE WHEN i > 1 THEN {at} - make_interval(days => i) + interval '20 hours' END",
    )
    return node
