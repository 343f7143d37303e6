"""The portal that the bench of heartbeats speaks to: nodes with sessions, made in bulk, and what validation costs.

Run as a process of its own, since Django is set up once a process: ``python -m bench.heartbeat_portal FOLDER NODES``
fills the database and prints what validation costs; the tokens are in ``FOLDER/tokens``.
"""

# ruff: noqa: PLC0415 - models can be imported once Django knows its database

from __future__ import annotations

import base64
import json
import os
import statistics
import sys
import time
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

NODES_A_USER = 10


def start_django() -> None:
    """Set Django up on the database that the environment names, and make its tables."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def fill(nodes: int) -> list[str]:
    """Makes a network of so many nodes, each with a session; the tokens."""
    from django.conf import settings
    from django.db import transaction
    from django.utils import timezone

    from coordinator.networks import ensure_network
    from mesh.addressing import pack
    from mesh.tokens import TokenKind, derive_token
    from nodes.models import Address, Endpoint, Node
    from sessions_app.models import NodeSession, User
    from sessions_app.peppers import digest_for_storage

    now = timezone.now()
    with transaction.atomic():
        network = ensure_network(config=settings.GHOSTWIRE, now=now, random5=b"bench")
        users = User.objects.bulk_create(
            User(username=f"user-{n}@example.com") for n in range(nodes // NODES_A_USER + 1)
        )
        first = int(ip_address(network.ipv4_range.split("/")[0])) + 10
        made = Node.objects.bulk_create(
            Node(
                network=network,
                public_key=base64.b64encode((n + 9).to_bytes(32, "little")).decode(),
                name=f"n{n}",
                hostname=f"n{n}",
                owner=users[n // NODES_A_USER],
                key_expires_at=now + timedelta(days=180),
                online=True,
            )
            for n in range(nodes)
        )
        addresses = [str(ip_address(first + n)) for n in range(nodes)]
        Address.objects.bulk_create(
            Address(network=network, node=node, family=4, address=address, packed=pack(ip_address(address)))
            for node, address in zip(made, addresses, strict=True)
        )
        Endpoint.objects.bulk_create(
            Endpoint(node=node, position=0, address=f"198.51.100.7:{1024 + n}", kind="public")
            for n, node in enumerate(made)
        )
        tokens, sessions = [], []
        for n, node in enumerate(made):
            token = derive_token(TokenKind.SESSION, id=node.pk, at=now, random32=n.to_bytes(32, "big"))
            stored = digest_for_storage(token)
            tokens.append(token)
            sessions.append(
                NodeSession(
                    node=node,
                    digest=stored.digest,
                    pepper=stored.pepper,
                    created_at=now,
                    expires_at=now + timedelta(days=1),
                )
            )
        NodeSession.objects.bulk_create(sessions)
    return tokens


def validation(tokens: list[str]) -> dict[str, Any]:
    """What it costs to tell whose a token is: from memory (microseconds), and by the database."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from coordinator.authentication import admit_node
    from coordinator.hot_path.credentials import Credentials, Known, holds
    from coordinator.tail import TAIL
    from nodes.models import Network

    TAIL.watch(Network.objects.get().pk)
    deadline = time.monotonic() + 120
    while not TAIL.is_fresh(Network.objects.get().pk):
        if time.monotonic() > deadline:
            raise RuntimeError("The replica does not become current.")
        time.sleep(0.1)
    now = timezone.now()
    credentials, database = Credentials(), []
    for token in tokens:
        began = time.perf_counter()
        session = admit_node(token=token, now=now)
        database.append(time.perf_counter() - began)
        credentials.remember(token, Known.of(session))
    memory = []
    for token in tokens * 5:
        began = time.perf_counter()
        known = credentials.recall(token)
        admitted = known is not None and holds(known, now) is not None
        memory.append(time.perf_counter() - began)
        if not admitted:
            raise RuntimeError("A session that is known was not admitted.")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        admit_node(token=tokens[0], now=now)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + queries[0]["sql"])
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    TAIL.stop()
    return {
        "cached_p50_us": statistics.median(memory) * 1e6,
        "cached_p99_us": sorted(memory)[int(len(memory) * 0.99)] * 1e6,
        "uncached_p50_us": statistics.median(database) * 1e6,
        "queries": len(queries),
        "indexed": "SCAN" not in plan,
    }


def main() -> None:
    """Fill the database of the folder, and measure."""
    folder, nodes = Path(sys.argv[1]), int(sys.argv[2])
    start_django()
    tokens = fill(nodes)
    (folder / "tokens").write_text("\n".join(tokens))
    print(json.dumps(validation(tokens[:5000])))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ghostwire_site.settings")
    main()
