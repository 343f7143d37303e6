"""A network as large as GhostWire is made for, in which everything is long, many, or both. Needs PostgreSQL.

50,000 nodes, 10,000 people, 3,000 rules, 60 tags, hundreds of groups, thousands of events, 10,000 machines that wait.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from nodes.models import Network, Node
from sessions_app.models import User
from tests import factories as make
from tests.portal.huge.nodes import write_large_node, write_nodes
from tests.portal.huge.policy import write_policy
from tests.portal.huge.records import write_credentials, write_jobs, write_records
from tests.portal.huge.rows import LONG, write_rows

NODES: Final = 50_000
PEOPLE: Final = 10_000


def build_huge(now: datetime | None = None, *, nodes: int = NODES) -> dict[str, Any]:
    """Makes it all; returns what pages are looked at with, by the names that ``screens`` asks for."""
    now = now or timezone.now()
    domain = "a-company-with-a-long-name.and-a-department.ghost"
    network: Network = make.NetworkFactory(
        name="main",
        domain=domain,
        ipv4_range="10.0.0.0/12",
        max_peers=100_000,
        map_version=9_000_000,
        policy_version=301,
        nameservers=[f"10.0.0.{n}" for n in range(1, 20)],
        split_dns={f"part-{n}.{domain}": [f"10.0.1.{n}"] for n in range(40)},
    )
    owner = make.UserFactory(username="mara", display_name="Mara Lindqvist", role=User.Role.OWNER)
    long_user = make.UserFactory(username=f"{LONG}.{LONG}@x.example", display_name="Wolfeschlegelstein" * 8)
    write_rows(User, PEOPLE, id="i + 1000", username="'person' || i || '@example.com'", display_name="'Person ' || i")
    write_nodes(network, nodes, now)
    first = write_large_node(network, owner, now)
    write_policy(network, owner, now)
    write_credentials(network, owner, now)
    write_records(network, owner, nodes, now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {
        "network": network,
        "owner": owner,
        "node": first,
        "router": first,
        "laptop": Node.objects.get(pk=nodes),
        "own": Node.objects.get(owner=owner),
        "user": long_user,
        "rule": network.acl_rules.get(position=2),
        "change": network.changes.get(version=9_000_000),
        "key": network.auth_keys.order_by("pk")[0],
        "region": network.relay_regions.order_by("pk")[0],
        "group": network.groups.order_by("pk")[0],
        "waiting": network.enrolments.order_by("pk")[0],
        **{f"job_{name}": job for name, job in write_jobs(network, owner, nodes, now).items()},
    }
